#!/usr/bin/env bash
# Makes the environment and runs the tests.
#   bash scripts/test.sh          checks, fast tests (no Ray), tests on a real Ray
#   bash scripts/test.sh --fast   checks and fast tests
#   bash scripts/test.sh --long   chaos, statistical and soak tests only
# Everything after -- goes to pytest.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_env.sh"

part=all
while [ $# -gt 0 ]; do
  case "$1" in
    --fast) part=fast ;;
    --long) part=long ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    --) shift; break ;;
    *) die "unknown option '$1'; known are --fast, --long, --help and -- PYTEST-OPTIONS" ;;
  esac
  shift
done

make_environment --extra demo --extra fit --extra fuzz --extra research --extra compile
cd "$root"
mkdir -p .righttime

# An empty selection is a failure too (pytest's exit code 5): it means that tests went missing.
failed=()
run() {
  local name="$1" code=0 started=$SECONDS
  shift
  say ""
  say "== $name"
  "$@" || code=$?
  if [ "$code" -eq 0 ]; then
    say "== $name: ok, $((SECONDS - started)) s"
  else
    say "== $name: FAILED (exit $code), $((SECONDS - started)) s"
    failed+=("$name")
  fi
}

# Runs pytest twice at once, on halves that take about as long. Workers of xdist would each import
# all of it, and hand over each of thousands of results: a third more work.
in_two_halves() {
  local folder not_first=() not_second=() first=0 second=0
  for folder in tests/*/ tests/unit/*/; do
    case "$folder" in
      tests/unit/) ;;
      tests/unit/session/) not_first+=("--ignore=$folder") ;;
      tests/unit/*) not_second+=("--ignore=$folder") ;;
      *) not_first+=("--ignore=$folder") ;;
    esac
  done
  .venv/bin/pytest "$@" "${not_first[@]}" >.righttime/first-half.txt 2>&1 &
  other=$!
  .venv/bin/pytest "$@" "${not_second[@]}" || second=$?
  wait "$other" || first=$?
  other=""
  cat .righttime/first-half.txt
  [ "$second" -eq 0 ] || return "$second"
  return "$first"
}

# fast_tests NAME MARKS PYTEST-OPTIONS...: two at once, since nothing in them needs a core for itself.
fast_tests() {
  local name="$1" marks="$2"
  shift 2
  if [ $# -eq 0 ]; then
    run "$name" in_two_halves -m "$marks"
  else
    run "$name" .venv/bin/pytest -m "$marks" -n 2 --dist worksteal "$@"
  fi
}

# What runs in the background ignores Ctrl-C.
compiling="" other=""
trap 'kill $compiling $other 2>/dev/null || true' EXIT

# Compiles the core, and sets `core` to what RIGHTTIME_COMPILED is to be: without a compiler it is `no`.
core=no
take_machine_code() {
  run "machine code of the core" compile_core
  if RIGHTTIME_COMPILED=yes .venv/bin/python -c "import actors" 2>/dev/null; then
    core=yes
  else
    say "There is no machine code here: the tests run on Python."
  fi
}

case "$part" in
  long)
    take_machine_code
    # Those that read its source or put other code into it are left out; they ran above, on Python.
    [ "$core" = no ] || RIGHTTIME_COMPILED=yes fast_tests "fast tests of the compiled core" \
      "not ray and not slow and not postgres and not python_core" "$@"
    run "long tests without Ray" .venv/bin/pytest -m "slow and not ray" -n 2 --dist worksteal "$@"
    RIGHTTIME_COMPILED="$core" run "long tests on Ray" .venv/bin/pytest -m "slow and ray" "$@"
    ;;
  *)
    # Beside the checks, which need one core: to compile the tests and all that they import.
    .venv/bin/pytest -m "not ray and not slow" --collect-only --quiet >/dev/null 2>&1 &
    compiling=$!
    run "checks" bash scripts/check.sh
    wait "$compiling" || true
    compiling=""
    fast_tests "fast tests" "not ray and not slow and not postgres" "$@"
    run "tests on PostgreSQL" .venv/bin/pytest -m "postgres and not ray and not slow" -n 2 --dist worksteal "$@"
    if [ "$part" != fast ]; then
      take_machine_code
      RIGHTTIME_COMPILED="$core" run "tests on Ray" .venv/bin/pytest -m "ray and not slow" "$@"
    fi
    ;;
esac

say ""
if [ "${#failed[@]}" -gt 0 ]; then
  die "failed after $SECONDS s: ${failed[*]}"
fi
say "All passed in $SECONDS s."
