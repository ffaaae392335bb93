"""What the parts of a scenario say in few words: for drawings and lists."""

from actors.playbook.model import Playbook
from actors.playbook.rules import Rule
from actors.playbook.scenario_model import (
    LAUNCH,
    QUEUE,
    RESTART,
    Branch,
    Call,
    Clock,
    Date,
    Emit,
    End,
    Filter,
    Fork,
    Heard,
    Join,
    Listen,
    Moment,
    Pattern,
    Propose,
    Repeat,
    Scenario,
    Split,
    Step,
    Thread,
    Update,
    Wait,
    WaitUntil,
)

_UNITS = ((604_800_000, "wk"), (86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"))
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SIGNALS = {
    "type:": "{}",
    "entered:": "enters {}",
    "left:": "leaves {}",
    "deviation:": "unusual: {}",
    "outcome:": "{} by the customer",
    LAUNCH: "launch",
}


def span_text(span_ms: int) -> str:
    """Return a span as `30 min` or `1 d 12 h`, in units that it is made of."""
    parts = []
    units = _UNITS if span_ms % _UNITS[0][0] == 0 else _UNITS[1:]
    for unit_ms, name in units:
        n, span_ms = divmod(span_ms, unit_ms)
        if n:
            parts.append(f"{n} {name}")
    if span_ms or not parts:
        parts.append(f"{span_ms} ms")
    return " ".join(parts)


def minute_text(minute: int) -> str:
    """Return a minute of the day as `09:05`."""
    return f"{minute // 60:02}:{minute % 60:02}"


def weekdays_text(weekdays: frozenset[int]) -> str:
    """Return weekdays as `Mon–Fri` or `Mon, Wed`; empty for all."""
    days = sorted(weekdays)
    if len(days) in (0, 7):
        return ""
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{_DAYS[days[0]]}–{_DAYS[days[-1]]}"
    return ", ".join(_DAYS[day] for day in days)


def signal_text(key: str) -> str:
    """Return what a signal's key stands for: `Order Completed`, `enters regular`, `launch`."""
    for prefix, text in _SIGNALS.items():
        if key.startswith(prefix):
            return text.format(key.removeprefix(prefix))
    return key


def heard_text(heard: Heard) -> str:
    """Return a signal and its rule."""
    text = signal_text(heard.key)
    return text if heard.when is None else f"{text} when {rule_text(heard.when)}"


def pattern_text(pattern: Pattern) -> str:
    """Return what must be heard: `3 × Visit in 10 d`, `A, then B in 2 h without C`."""
    first = pattern.parts[0]
    if len(pattern.parts) == 1:
        text = heard_text(first.heard)
        if pattern.count > 1:
            text = f"{pattern.count} × {text}"
        return f"{text} in {span_text(pattern.within_ms)}" if pattern.within_ms else text
    texts = []
    for part in pattern.parts:
        text = heard_text(part.heard)
        if part.within_ms:
            text += f" in {span_text(part.within_ms)}"
        if part.without:
            text += " without " + " or ".join(heard_text(each) for each in part.without)
        texts.append(text)
    return ", then ".join(texts)


def rule_text(rule: Rule) -> str:
    """Return a rule as it is written, in one line."""
    return " ".join(rule.source.split())


def moment_text(moment: Moment) -> str:
    """Return what is waited for: `until 09:00 on Mon`."""
    if isinstance(moment, Clock):
        days = weekdays_text(moment.weekdays)
        return f"until {minute_text(moment.minute)}" + (f" on {days}" if days else "")
    if isinstance(moment, Date):
        text = f"until {moment.key or moment.path}"
        if moment.days:
            text += f" {'+' if moment.days > 0 else '−'} {abs(moment.days)} d"
        text += f" at {minute_text(moment.minute)}" if moment.minute else ""
        return f"{text}, each year" if moment.yearly else text
    return f"until {moment.name} is open"


def step_text(step: Step, playbook: Playbook) -> str:
    """Return what a step does, in few words; the playbook is that of the scenario's version."""
    if isinstance(step, Propose):
        keys = [playbook.actions[i].key for i in step.actions if i < len(playbook.actions)]
        text = f"{'send' if step.mandatory else 'propose'} {', '.join(keys)}"
        if step.channels is not None:
            text += f" by {' or '.join(sorted(step.channels))}"
        return f"{text}, for {span_text(step.offer_for_ms)}"
    return _waiting_text(step) or _asking_text(step) or _doing_text(step)


def _waiting_text(step: Step) -> str:
    if isinstance(step, Wait):
        return f"wait {span_text(step.span_ms)}"
    if isinstance(step, WaitUntil):
        return moment_text(step.moment)
    if isinstance(step, Listen):
        text = "wait for " + " or ".join(pattern_text(case.pattern) for case in step.cases)
        return text + (f", up to {span_text(step.timeout_ms)}" if step.timeout_ms else "")
    if isinstance(step, Join):
        text = f"wait for {step.need} of the ways"
        return text + (f", up to {span_text(step.timeout_ms)}" if step.timeout_ms else "")
    return ""


def _asking_text(step: Step) -> str:
    if isinstance(step, Filter):
        return f"if {rule_text(step.rule)}"
    if isinstance(step, Branch):
        return "the first that holds"
    if isinstance(step, Split):
        return "one way by chance"
    if isinstance(step, Fork):
        return f"{len(step.branches)} ways at once"
    if isinstance(step, Repeat):
        text = f"back, up to {step.times} ×"
        return text if step.rule is None else f"{text} while {rule_text(step.rule)}"
    return ""


def _doing_text(step: Step) -> str:
    if isinstance(step, Update):
        return "set " + ", ".join(name for name, _ in step.traits.fields)
    if isinstance(step, Thread):
        return f"{'open' if step.opens else 'close'} {step.kind}"
    if isinstance(step, Emit):
        return f"emit {step.event}"
    if isinstance(step, Call):
        return f"call {step.channel}, up to {span_text(step.timeout_ms)}"
    return step.label if isinstance(step, End) else ""


def start_text(scenario: Scenario) -> str:
    """Return what starts a scenario, and for whom."""
    start = scenario.start
    text = pattern_text(start.pattern)
    if start.when is not None:
        text += f" when {rule_text(start.when)}"
    return text + (f", in {' and '.join(start.segments)}" if start.segments else "")


def rules_texts(scenario: Scenario) -> list[str]:
    """Return what holds for the whole of a scenario: its key, re-entry, stops and goals."""
    texts = []
    if scenario.keyed_by:
        texts.append(f"one for each {scenario.keyed_by}")
    again = {RESTART: "a new start restarts it", QUEUE: "a new start waits for its end"}
    if scenario.limit > 1:
        texts.append(f"up to {scenario.limit} at once")
    elif scenario.reentry in again:
        texts.append(again[scenario.reentry])
    if scenario.every_ms:
        texts.append(f"at most every {span_text(scenario.every_ms)}")
    texts += [f"stops at {heard_text(stop)}" for stop in scenario.stops]
    for goal in scenario.goals:
        after = ", and goes on" if goal.goes_on else ""
        texts.append(f"goal {goal.name}: {heard_text(goal.heard)}{after}")
    return texts
