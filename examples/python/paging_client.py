"""
Fetches a file and a table, each in pages: paging_client.ts in Python.

    python3 examples/python/paging_client.py --port 8787
"""

import place
from twisted.spread import pb, util


async def main(connect):
    factory = pb.PBClientFactory()
    await connect(factory)
    root = await factory.getRootObject()

    file = b"".join(await util.getAllPages(root, "file", "LICENSE"))
    print("LICENSE begins with:", file.decode().splitlines()[0])

    pages = await util.getAllPages(root, "table")
    print(f"The table has {sum(map(len, pages))} bytes, in {len(pages)} pages")

    try:
        # getAllPages would not report the error.
        await root.callRemote("file", util.CallbackPageCollector(print), "secrets")
    except pb.RemoteError as error:
        print(error)
    factory.disconnect()


if __name__ == "__main__":
    place.run(main, __doc__)
