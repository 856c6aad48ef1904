"""Native readers and writers of protocols, for connectors that are not part of the core.

A connector that moves many small messages spends its time on making objects of them. These take whole answers from a
socket's buffer to lines, which a mapper decodes straight into columns (`MessageBatch.of_lines`), and lines to commands.
"""

from eventflux.engine.resp import ArgumentWriter, StreamAnswer, StreamAnswerReader

__all__ = ["ArgumentWriter", "StreamAnswer", "StreamAnswerReader"]
