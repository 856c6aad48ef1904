"""Decoders and encoders of lines when memory runs out: an error each time, nothing leaked, usable afterwards."""

import pytest

from eventflux.types.attribute_type import AttributeType

testing = pytest.importorskip("eventflux.engine._native_testing", reason="the testing module is not built")
ffi, lib = testing.ffi, testing.lib

LONG, STRING, DOUBLE = AttributeType.LONG, AttributeType.STRING, AttributeType.DOUBLE
TYPES = [STRING, LONG, DOUBLE]
NAMES = [b"s", b"n", b"d"]


class Memory:
    """A codec's memory that fails after so many allocations."""

    def __init__(self, allocations=-1):
        self.native = lib.ef_own_memory_new()
        self.alloc = lib.ef_own_memory_alloc(self.native)
        self.fail_after(allocations)

    def fail_after(self, allocations):
        lib.ef_test_memory_fail_after(self.native, allocations)

    def close(self):
        self.fail_after(-1)
        assert lib.ef_test_memory_used(self.native) == 0
        lib.ef_own_memory_free(self.native)


def json_decoder(memory):
    names = [ffi.from_buffer("char[]", name) for name in NAMES]
    target, time = ffi.new("ef_json_rows **"), ffi.new("ef_time_field *")
    time.form, time.column, time.multiplier, time.divisor = lib.EF_TIME_EPOCH, 1, 1, 1
    status = lib.ef_json_rows_new(
        memory.alloc, 3, 3, [int(each) for each in TYPES], names, [1, 1, 1], 16, time, False, False, target, ffi.NULL
    )
    return status, target[0], lib.ef_json_rows_free


def csv_decoder(memory, null=b"NA"):
    null_text = ffi.NULL if null is None else ffi.from_buffer("char[]", null)
    types = [int(each) for each in TYPES]
    target, time = ffi.new("ef_csv_rows **"), ffi.new("ef_time_field *")
    time.form = lib.EF_TIME_NONE
    status = lib.ef_csv_rows_new(
        memory.alloc, 3, 3, types, [0, 1, 2], b",", b'"', null_text, len(null or b""), 16, time, False, target, ffi.NULL
    )
    return status, target[0], lib.ef_csv_rows_free


def json_encoder(memory):
    names = [ffi.from_buffer("char[]", b'"' + name + b'"') for name in NAMES]
    target = ffi.new("ef_row_text **")
    types = [int(each) for each in TYPES]
    status = lib.ef_row_text_json(memory.alloc, 3, types, names, [3, 3, 3], True, False, target, ffi.NULL)
    return status, target[0], lib.ef_row_text_free


def csv_encoder(memory):
    target = ffi.new("ef_row_text **")
    types = [int(each) for each in TYPES]
    status = lib.ef_row_text_csv(
        memory.alloc, 3, types, b",", b'"', False, ffi.from_buffer("char[]", b"NA"), 2, target, ffi.NULL
    )
    return status, target[0], lib.ef_row_text_free


def msgpack_decoder(memory, names=True):
    kept = [ffi.from_buffer("char[]", name) for name in NAMES]
    types = [int(each) for each in TYPES]
    target, time = ffi.new("ef_msgpack_rows **"), ffi.new("ef_time_field *")
    time.form = lib.EF_TIME_NONE
    fields = (ffi.new("const char *[]", kept), [1, 1, 1], ffi.NULL, 0) if names else (ffi.NULL, ffi.NULL, [0, 1, 2], 3)
    status = lib.ef_msgpack_rows_new(memory.alloc, 3, 3, types, *fields, 16, time, False, target, ffi.NULL)
    return status, target[0], lib.ef_msgpack_rows_free


def msgpack_array_decoder(memory):
    return msgpack_decoder(memory, names=False)


def msgpack_encoder(memory):
    kept = [ffi.from_buffer("char[]", name) for name in NAMES]
    target = ffi.new("ef_row_msgpack **")
    types = [int(each) for each in TYPES]
    status = lib.ef_row_msgpack_new(memory.alloc, 3, types, kept, [1, 1, 1], target, ffi.NULL)
    return status, target[0], lib.ef_row_msgpack_free


def resp_reader(memory):
    target = ffi.new("ef_resp_entries **")
    return lib.ef_resp_entries_new(memory.alloc, b"data", 4, target, ffi.NULL), target[0], lib.ef_resp_entries_free


def resp_writer(memory):
    target = ffi.new("ef_resp_bulks **")
    return lib.ef_resp_bulks_new(memory.alloc, target, ffi.NULL), target[0], lib.ef_resp_bulks_free


@pytest.mark.parametrize("make", [resp_reader, resp_writer])
def test_readers_and_writers_of_redis_may_get_no_memory(make):
    memory = Memory(0)
    status, _, _ = make(memory)
    assert status == lib.EF_NO_MEMORY
    memory.fail_after(-1)
    status, made, free = make(memory)
    assert status == lib.EF_OK
    free(made)
    memory.close()


def test_an_answer_of_redis_without_memory_is_read_again():
    memory = Memory()
    _, reader, free = resp_reader(memory)
    entry = b"*2\r\n$3\r\n1-0\r\n*2\r\n$4\r\ndata\r\n$70000\r\n" + b"x" * 70_000 + b"\r\n"
    text = b"*1\r\n*2\r\n$2\r\nin\r\n*2\r\n" + entry * 2
    kept, answer = ffi.from_buffer("char[]", text), ffi.new("ef_resp_answer *")
    failures = 0
    while True:
        memory.fail_after(failures)
        status = lib.ef_resp_entries_read(reader, kept, len(text), answer, ffi.NULL)
        memory.fail_after(-1)
        if status == lib.EF_OK:
            break
        assert status == lib.EF_NO_MEMORY
        lib.ef_resp_entries_reset(reader)
        failures += 1
    assert failures >= 2
    assert (answer.outcome, answer.size, answer.entries) == (lib.EF_RESP_ENTRIES, len(text), 2)
    assert answer.lines_size == 2 * 70_001
    free(reader)
    memory.close()


def test_arguments_without_memory_are_written_again():
    memory = Memory()
    _, writer, free = resp_writer(memory)
    text = b"x" * 100_000 + b"\n"
    kept, arguments = ffi.from_buffer("char[]", text), ffi.new("ef_resp_arguments *")
    memory.fail_after(0)
    assert lib.ef_resp_bulks_write(writer, kept, len(text), 9, arguments, ffi.NULL) == lib.EF_NO_MEMORY
    memory.fail_after(-1)
    assert lib.ef_resp_bulks_write(writer, kept, len(text), 9, arguments, ffi.NULL) == lib.EF_OK
    assert (arguments.count, arguments.consumed, arguments.size) == (1, len(text), 100_000 + 11)
    free(writer)
    memory.close()


@pytest.mark.parametrize(
    "make",
    [
        json_decoder,
        csv_decoder,
        json_encoder,
        csv_encoder,
        msgpack_decoder,
        msgpack_array_decoder,
        msgpack_encoder,
    ],
)
def test_every_allocation_of_a_new_codec_may_fail(make):
    failures = 0
    while True:
        memory = Memory(failures)
        status, made, free = make(memory)
        if status == lib.EF_OK:
            free(made)
            memory.close()
            break
        assert status == lib.EF_NO_MEMORY
        memory.close()
        failures += 1
    assert failures >= 3


@pytest.mark.parametrize("is_json", [True, False], ids=["json", "csv"])
def test_a_decoder_without_memory_for_a_text_can_go_on(is_json):
    memory = Memory()
    if is_json:
        text = b'{"s":"a \\"quoted\\" text that is long","n":1,"d":1}\n'
        status, made, free = json_decoder(memory)
        decode, batch_of = lib.ef_json_rows_decode, lib.ef_json_rows_batch
    else:
        text = b'"a ""quoted"" text that is long",1,1\n'
        status, made, free = csv_decoder(memory, null=None)
        decode, batch_of = lib.ef_csv_rows_decode, lib.ef_csv_rows_batch
    assert status == lib.EF_OK
    result = ffi.new("ef_decode_result *")
    kept = ffi.from_buffer("char[]", text)
    memory.fail_after(0)
    assert decode(made, kept, len(text), result, ffi.NULL) == lib.EF_NO_MEMORY
    memory.fail_after(-1)
    assert decode(made, kept, len(text), result, ffi.NULL) == lib.EF_OK
    assert (result.rows, result.consumed, result.is_rejected) == (1, len(text), False)
    cell = bytes(ffi.buffer(ffi.cast("char *", batch_of(made).column[0].values), 16))
    assert int.from_bytes(cell[:4], "little") == len(b'a "quoted" text that is long')
    free(made)
    memory.close()


def test_an_encoder_without_memory_for_its_buffer_can_go_on():
    memory = Memory()
    _, decoder, free_decoder = json_decoder(memory)
    text = b'{"s":"' + b"x" * 100_000 + b'","n":1,"d":1.5}\n'
    result = ffi.new("ef_decode_result *")
    kept = ffi.from_buffer("char[]", text)
    assert lib.ef_json_rows_decode(decoder, kept, len(text), result, ffi.NULL) == lib.EF_OK
    for make in (json_encoder, csv_encoder, msgpack_encoder):
        _, encoder, free = make(memory)
        lines, length = ffi.new("const char **"), ffi.new("size_t *")
        columns = lib.ef_json_rows_batch(decoder).column
        failures = 0
        while True:
            memory.fail_after(failures)
            encode = lib.ef_row_msgpack_encode if make is msgpack_encoder else lib.ef_row_text_encode
            status = encode(encoder, columns, 0, result.rows, lines, length, ffi.NULL)
            memory.fail_after(-1)
            if status == lib.EF_OK:
                break
            assert status == lib.EF_NO_MEMORY
            failures += 1
        assert failures > 0
        assert length[0] > 100_000
        free(encoder)
    free_decoder(decoder)
    memory.close()


@pytest.mark.parametrize(
    ("types", "columns", "visible", "message"),
    [
        ([AttributeType.OBJECT], 1, 1, b"type that decoders do not fill"),
        ([LONG], 0, 0, b"needs columns and rows"),
        ([LONG], 1, 2, b"needs columns and rows"),
        ([DOUBLE], 1, 1, b"type that is no time"),
    ],
)
def test_what_a_decoder_cannot_do_is_refused(types, columns, visible, message):
    memory = Memory()
    target, time, error = ffi.new("ef_json_rows **"), ffi.new("ef_time_field *"), ffi.new("ef_error *")
    time.form, time.column, time.multiplier, time.divisor = lib.EF_TIME_EPOCH, 0, 1, 1
    name = ffi.from_buffer("char[]", b"n")
    types = [int(each) for each in types]
    status = lib.ef_json_rows_new(
        memory.alloc, columns, visible, types, [name], [1], 16, time, False, False, target, error
    )
    assert status == lib.EF_INVALID
    assert message in ffi.string(error.message)
    memory.close()
