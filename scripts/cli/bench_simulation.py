"""`righttime bench simulation`: how fast a population is simulated."""

from typing import Annotated

import typer

from scripts.output import DebugOption, JsonOption, speaking


def simulation(
    population: Annotated[int, typer.Option(help="How many customers.", min=20)] = 2_000,
    days: Annotated[int, typer.Option(help="Days; the first third warms up.", min=3)] = 9,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Measure how fast a population is simulated, on one core.

    The same customers are then run by Mesa, a plain agent framework, with
    their behaviour alone: no profile, policy, decision or record. Times are
    of the processor.

    Examples:
      righttime bench simulation
      righttime bench simulation --population 10000 --days 6 --json
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from importlib.util import find_spec

        from scripts.bench import simulation as bench

        result = bench.measure(population, days)
        print_ = output.console.print
        print_(f"{result['decisions_a_second']:,.0f} full decisions a second, of one core,")
        print_(f"{result['turns_a_second']:,.0f} turns: {result['turn_us']:,.0f} µs each, of which")
        print_(
            f"{result['runtime_us']:,.0f} µs are the runtime's own; {result['overhead']:.1%} on top,"
        )
        print_(f"{result['bytes_a_customer']:,.0f} bytes a customer.")
        result["mesa"] = None
        if find_spec("mesa") is None:
            print_("Mesa is not installed (uv sync --group dev): no comparison.")
        else:
            result["mesa"] = bench.mesa(population, days)
            print_(f"Mesa, behaviour alone: {result['mesa']['choices_a_second']:,.0f} a second.")
        output.result(result)
