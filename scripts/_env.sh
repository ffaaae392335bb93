# Sourced by run.sh and test.sh: finds a Python and uv, and makes .venv from uv.lock.
# Needs nothing but bash and a Python of at least 3.11 with pip. Never writes outside the project,
# apart from uv's own cache.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
tools="$root/.righttime/tools"
export UV_PROJECT_ENVIRONMENT="$root/.venv"
export UV_PYTHON_DOWNLOADS=never
export UV_LINK_MODE="${UV_LINK_MODE:-copy}"
unset VIRTUAL_ENV PYTHONHOME PYTHONPATH
# Compiled sources are kept, beside the rest of what we make: compiling all that Ray imports takes
# every new process seconds.
unset PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX="$root/.righttime/pycache"
# uv does not read pip's setting for a private certificate authority.
if [ -n "${PIP_CERT:-}" ] && [ -z "${SSL_CERT_FILE:-}" ]; then export SSL_CERT_FILE="$PIP_CERT"; fi

say() { printf '%s\n' "$*" >&2; }
die() { say "righttime: $*"; exit 1; }

is_new_enough() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# Prints the first Python that really runs: a name on PATH may be a shim of a version not there.
find_python() {
  local name
  for name in "${RIGHTTIME_PYTHON:-}" "$root/.venv/bin/python" \
    python3 python3.11 python3.12 python3.13 python3.14 python; do
    if [ -n "$name" ] && is_new_enough "$name"; then
      "$name" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  return 1
}

# Prints a Python that has pip: the environment that uv makes has none.
find_pip() {
  local name
  for name in "$1" python3 python; do
    if "$name" -m pip --version >/dev/null 2>&1; then
      echo "$name"
      return
    fi
  done
  return 1
}

# pip --target is the one form that works without the venv module, without a writable home, as root
# or not, and where pip refuses to touch the system's own packages.
install_uv() {
  local python
  python="$(find_pip "$1")" ||
    die "neither uv nor pip was found; install one of them and run this again"
  say "Installing uv into .righttime/tools ..."
  mkdir -p "$tools"
  "$python" -m pip install --quiet --disable-pip-version-check --no-input --root-user-action=ignore --upgrade \
    --target "$tools" uv >&2 || die "pip could not install uv; its message is above"
}

# Prints a uv that runs: the one on PATH, else our own, installed when missing.
find_uv() {
  if [ "${RIGHTTIME_OWN_UV:-}" != 1 ] && uv --version >/dev/null 2>&1; then
    echo uv
    return
  fi
  "$tools/bin/uv" --version >/dev/null 2>&1 || install_uv "$1"
  "$tools/bin/uv" --version >/dev/null 2>&1 || die "uv was installed but does not run on this machine"
  echo "$tools/bin/uv"
}

# Where uv cannot reach the files that the lock names, pip may: it knows this machine's mirror. The
# versions and hashes stay those of the lock.
sync_by_pip() {
  local uv="$1" python="$2" pip
  shift 2
  pip="$(find_pip "$python")" || return 1
  say "uv could not fetch the packages; trying pip, which may know this machine's mirror ..."
  mkdir -p "$root/.righttime"
  (cd "$root" && "$uv" export --quiet --frozen --no-emit-project "$@" \
    --output-file .righttime/requirements.txt >/dev/null) || return 1
  [ -x "$root/.venv/bin/python" ] || "$uv" venv --quiet --python "$python" "$root/.venv" || return 1
  "$pip" -m pip --python "$root/.venv/bin/python" install --quiet --no-input --root-user-action=ignore \
    --disable-pip-version-check --requirement "$root/.righttime/requirements.txt" >&2 || return 1
  "$pip" -m pip --python "$root/.venv/bin/python" install --quiet --no-input --root-user-action=ignore \
    --disable-pip-version-check --no-deps --editable "$root" >&2
}

# make_environment GROUP-OPTIONS...: brings .venv to what uv.lock says.
make_environment() {
  local python uv sync=() started=$SECONDS
  python="$(find_python)" ||
    die "no Python of at least 3.11 was found; install one, or name it in RIGHTTIME_PYTHON"
  uv="$(find_uv "$python")" || exit 1
  [ -t 2 ] || sync+=(--quiet)
  say "Preparing the environment from uv.lock ..."
  if ! "$uv" sync --project "$root" --frozen --inexact --python "$python" ${sync[@]+"${sync[@]}"} "$@"; then
    # An old uv may not read the lock; our own is current.
    if [ "$uv" = uv ]; then
      uv="$(RIGHTTIME_OWN_UV=1 find_uv "$python")" || exit 1
    fi
    "$uv" sync --project "$root" --frozen --inexact --python "$python" ${sync[@]+"${sync[@]}"} "$@" ||
      sync_by_pip "$uv" "$python" "$@" ||
      die "the environment could not be made; the messages are above"
  fi
  say "The environment is ready ($((SECONDS - started)) s)."
}

# compile_core: makes machine code of the core where a C compiler is; without one it stays Python.
compile_core() {
  [ "${RIGHTTIME_COMPILED:-}" != no ] || return 0
  (cd "$root" && RIGHTTIME_COMPILED=no .venv/bin/righttime compile --if-possible >&2)
}
