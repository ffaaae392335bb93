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

make_environment --extra demo --extra fit --extra fuzz --extra research
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

case "$part" in
  long)
    run "long tests without Ray" .venv/bin/pytest -m "slow and not ray" -n 2 --dist worksteal "$@"
    run "long tests on Ray" .venv/bin/pytest -m "slow and ray" "$@"
    ;;
  *)
    run "checks" bash scripts/check.sh
    # Two workers: nothing here needs a core for itself, and the tests on Ray come afterwards.
    run "fast tests" .venv/bin/pytest -m "not ray and not slow and not postgres" -n 2 --dist worksteal "$@"
    run "tests on PostgreSQL" .venv/bin/pytest -m "postgres and not ray and not slow" -n 2 --dist worksteal "$@"
    [ "$part" = fast ] || run "tests on Ray" .venv/bin/pytest -m "ray and not slow" "$@"
    ;;
esac

say ""
if [ "${#failed[@]}" -gt 0 ]; then
  die "failed after $SECONDS s: ${failed[*]}"
fi
say "All passed in $SECONDS s."
