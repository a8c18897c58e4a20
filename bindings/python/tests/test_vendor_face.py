"""OpenQuoteContext and its DataFrame."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pandas
from capdist.futu import RET_ERROR, RET_OK, OpenQuoteContext
from conftest import Start
from support import PROMPT, SilentGateway, run_child, unused_port, wait_until

COLUMNS = [
    "capital_in_super",
    "capital_in_big",
    "capital_in_mid",
    "capital_in_small",
    "capital_out_super",
    "capital_out_big",
    "capital_out_mid",
    "capital_out_small",
    "update_time",
]

#: Makes `import pandas` fail, as if it were not installed.
WITHOUT_PANDAS = "import sys; sys.modules['pandas'] = None\n"


def test_the_nine_columns(simulator: Start) -> None:
    with OpenQuoteContext(host="127.0.0.1", port=simulator("--figures", "python").port) as context:
        ret, data = context.get_capital_distribution("HK.00700")
    assert ret == RET_OK
    assert isinstance(data, pandas.DataFrame)
    assert list(data.columns) == COLUMNS
    assert list(data.index) == [0]
    assert data["capital_in_big"].values.tolist() == [2141963720.0]
    assert data["update_time"][0] == "2022-06-08 15:59:59"
    assert [data[column].dtype.kind for column in COLUMNS[:-1]] == ["f"] * 8
    assert data.attrs["update_timestamp"] == 1_654_675_199.0


def test_what_an_old_gateway_leaves_out_is_missing_and_not_zero(simulator: Start) -> None:
    with OpenQuoteContext("127.0.0.1", simulator("--old").port) as context:
        ret, data = context.get_capital_distribution("HK.00700")
    assert ret == RET_OK
    assert list(data.columns) == COLUMNS
    assert data.isna().iloc[0].tolist() == [True, False, False, False, True, False, False, False, False]
    assert data["update_time"][0] == ""
    assert math.isnan(data.attrs["update_timestamp"])


def test_errors_are_texts(simulator: Start) -> None:
    context = OpenQuoteContext(host="127.0.0.1", port=simulator().port)
    for code, words in [("HK.99999", "未知股票"), ("nonsense", "MARKET.CODE"), (None, "None"), ([], "[]")]:
        ret, text = context.get_capital_distribution(code)
        assert ret == RET_ERROR
        assert isinstance(text, str)
        assert words in text
    context.close()
    context.close()
    ret, text = context.get_capital_distribution("HK.00700")
    assert (ret, text) == (RET_ERROR, "the connection was released")


def test_no_gateway_ends_in_a_text_in_time(silent: SilentGateway) -> None:
    # If the port refuses, the call fails as soon as the attempt has failed.
    for port, words, least in [(silent.port, "not connected yet", 0.2), (unused_port(), "is OpenD running there?", 0)]:
        asked = time.monotonic()
        with OpenQuoteContext("127.0.0.1", port, connect_timeout=0.3) as context:
            ret, text = context.get_capital_distribution("HK.00700")
        assert ret == RET_ERROR
        assert words in text
        assert least < time.monotonic() - asked < PROMPT


def test_the_context_manager_closes(simulator: Start) -> None:
    gateway = simulator()
    with OpenQuoteContext("127.0.0.1", gateway.port) as context:
        assert context.get_capital_distribution("HK.00001")[0] == RET_OK
        assert not gateway.seen("closed")
    assert wait_until(lambda: len(gateway.seen("closed")) == 1)


def test_without_pandas_it_says_so_and_spends_no_quota(simulator: Start) -> None:
    gateway = simulator()
    output = run_child(
        WITHOUT_PANDAS
        + """if True:
        from capdist.futu import *
        with OpenQuoteContext("127.0.0.1", int(sys.argv[1])) as context:
            print(*context.get_capital_distribution("HK.00700"))
        """,
        gateway.port,
    )
    assert output == "-1 pandas is needed for the DataFrame: install it, or use capdist.Client\n"
    assert gateway.requests() == []


def test_the_typed_client_needs_no_pandas(simulator: Start) -> None:
    output = run_child(
        WITHOUT_PANDAS
        + """if True:
        import asyncio, capdist
        port = int(sys.argv[1])
        with capdist.Client(port=port) as client:
            print(client.capital_distribution("HK.00700").capital_in_big)
        async def main():
            async with capdist.AsyncClient(port=port) as client:
                print((await client.capital_distribution("HK.00700")).capital_in_mid)
        asyncio.run(main())
        """,
        simulator().port,
    )
    assert output == "859479380.0\n763181580.0\n"


def test_the_package_imports_nothing_but_the_standard_library(tmp_path: Path) -> None:
    output = run_child(
        """
        import sys
        before = set(sys.modules)
        import capdist, capdist.futu, capdist.moomoo
        names = {name.partition(".")[0] for name in set(sys.modules) - before}
        print(sorted(names - set(sys.stdlib_module_names)))
        """
    )
    assert output == "['capdist']\n"
