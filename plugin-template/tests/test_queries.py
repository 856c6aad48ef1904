"""The plug-in in queries, found through its entry point."""

from eventflux import EventFluxManager

Rows = list[tuple[object, ...]]


def test_the_function_is_called_in_a_selection() -> None:
    app = """
        define stream Position (lat double, lon double);
        from Position select example:distance(lat, lon, 0.0, 0.0) as km insert into Way;
    """
    seen: Rows = []
    with EventFluxManager() as manager:
        runtime = manager.create_eventflux_app_runtime(app)
        runtime.add_callback("Way", lambda events: seen.extend(event.data for event in events))
        runtime.start()
        runtime.input_handler("Position").send_many([(0.0, 0.0), (None, 1.0)])
    assert seen == [(0.0,), (None,)]


def test_the_window_takes_the_former_event_of_a_value_out_of_aggregates() -> None:
    app = """
        define stream Trade (symbol string, price double);
        from Trade#window.example:latest('symbol') select symbol, sum(price) as total insert into Newest;
    """
    seen: Rows = []
    with EventFluxManager() as manager:
        runtime = manager.create_eventflux_app_runtime(app)
        runtime.add_callback("Newest", lambda events: seen.extend(event.data for event in events))
        runtime.start()
        runtime.input_handler("Trade").send_many([("A", 1.0), ("B", 2.0), ("A", 5.0)])
    assert seen == [("A", 1.0), ("B", 3.0), ("A", 7.0)]
