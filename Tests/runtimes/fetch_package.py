"""The Python package, on the interpreter that runs this. `fetch_package.py LIBRARY DECLARATIONS PORT`; PYTHONPATH has the
package."""

import asyncio
import os
import sys

os.environ["CAPDIST_LIBRARY"] = sys.argv[1]
port = int(sys.argv[3])

from capdist import CapdistError, Client, LoopClient  # noqa: E402

with Client(port=port, quota_requests=0) as client:
    for name in ("HK.00700", "HK.99999", "nonsense"):
        try:
            print(name, int(client.capital_distribution(name).capital_in_big))
        except CapdistError as error:
            print(name, str(error).removeprefix(f"{name}: "))


async def main() -> None:
    async with await LoopClient.connect(port=port, quota_requests=0) as client:
        print("callback", int((await client.capital_distribution("HK.00700")).capital_in_big))


asyncio.run(main())
