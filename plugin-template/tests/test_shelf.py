"""The store in an app."""

from eventflux import EventFluxManager

APP = """
    define stream Price (symbol string, price double);
    define stream Trade (symbol string, volume int);
    @store(type='shelf', shelf='prices') define table Prices (symbol string, price double);
    from Price update or insert into Prices set Prices.price = price on Prices.symbol == symbol;
    from Trade join Prices on Prices.symbol == Trade.symbol and Prices.price > 1.0
    select Trade.symbol, Prices.price, Trade.volume insert into Valued;
"""


def test_rows_are_changed_found_and_shared_by_apps() -> None:
    seen: list[tuple[object, ...]] = []
    with EventFluxManager() as manager:
        runtime = manager.create_eventflux_app_runtime(APP)
        runtime.add_callback("Valued", lambda events: seen.extend(event.data for event in events))
        runtime.start()
        runtime.input_handler("Price").send_batch([("A", 2.0), ("B", 0.5), ("A", 3.0)])
        runtime.input_handler("Trade").send_batch([("A", 10), ("B", 20), ("C", 30)])
        assert runtime.query("delete Prices on Prices.symbol == 'B'") == 1
        other = manager.create_eventflux_app_runtime(
            "@store(type='shelf', shelf='prices') define table P (symbol string, price double);"
        )
        other.start()
        rows = other.query("from P select symbol, price")
        assert not isinstance(rows, int)
        assert [event.data for event in rows] == [("A", 3.0)]
    assert seen == [("A", 3.0, 10)]
