"""Certificates made by the tests."""

import datetime

import trustme


class Certificates:
    """An authority, and files signed by it."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._authority = trustme.CA()
        self._number = 0
        self.ca = str(folder / "ca.pem")
        self._authority.cert_pem.write_to_path(self.ca)

    def issue(self, name="localhost", *, expired=False):
        """Paths of a certificate and its key."""
        self._number += 1
        not_after = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1) if expired else None
        made = self._authority.issue_cert(name, not_after=not_after)
        chain, key = (self._folder / f"{name}-{self._number}.{kind}" for kind in ("pem", "key"))
        chain.write_bytes(b"".join(each.bytes() for each in made.cert_chain_pems))
        key.write_bytes(made.private_key_pem.bytes())
        return str(chain), str(key)
