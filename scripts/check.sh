#!/usr/bin/env bash
# Lint, format, types, import rules and file size: fails when anything differs, changes nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bin="${UV_PROJECT_ENVIRONMENT:-.venv}/bin"
[ -x "$bin/ruff" ] || {
  echo "righttime: no development environment; bash scripts/test.sh makes it" >&2
  exit 1
}
limit=400
failed=()

run() {
  local name="$1" started=$SECONDS
  shift
  if "$@"; then
    echo "ok    $name ($((SECONDS - started)) s)"
  else
    echo "FAIL  $name"
    failed+=("$name")
  fi
}

file_size() {
  local long
  long="$(find actors serve_app cluster scripts tests -name '*.py' -exec awk -v limit="$limit" \
    'END { if (NR > limit) print FILENAME ": " NR " lines, the limit is " limit }' {} \;)"
  [ -z "$long" ] || { echo "$long"; return 1; }
}

run "ruff check" "$bin/ruff" check .
run "ruff format" "$bin/ruff" format --check .
run "mypy" "$bin/mypy"
run "import rules" "$bin/lint-imports"
run "file size" file_size

if [ "${#failed[@]}" -gt 0 ]; then
  echo "check.sh: failed: ${failed[*]}" >&2
  exit 1
fi
