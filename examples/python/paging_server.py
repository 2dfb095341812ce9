"""
Sends files and tables that are too large for one message, page by page: paging_server.ts in Python.

    python3 examples/python/paging_server.py --port 8787
"""

import pathlib

import place
from twisted.spread import pb, util

FILES = {"LICENSE": pathlib.Path(__file__).parents[2] / "LICENSE"}


class Library(pb.Root):
    def remote_file(self, collector, name):
        if name not in FILES:
            raise pb.Error(f"There is no file {name}")
        file = FILES[name].open("rb")
        util.FilePager(collector, file, file.close)

    def remote_table(self, collector):
        util.StringPager(collector, bytes(100_000))


if __name__ == "__main__":
    place.serve(pb.PBServerFactory(Library()), __doc__)
