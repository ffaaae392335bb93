#!/bin/sh
# HAProxy as Ray Serve starts it, with what Serve has no setting for. Serve writes the configuration anew before
# each start, so it is changed in place: Serve knows its processes by the configuration's path.
#   RIGHTTIME_HAPROXY          the binary itself
#   RIGHTTIME_HAPROXY_INSIDE   the address of statistics and metrics, 127.0.0.1 unless given
#   RIGHTTIME_HAPROXY_AT_ONCE  requests at once in one front door, 256 unless given
#   RIGHTTIME_HAPROXY_TRUSTED  addresses or networks of balancers in front, whose X-Forwarded-For is believed
set -eu
inside="${RIGHTTIME_HAPROXY_INSIDE:-127.0.0.1}"
at_once="${RIGHTTIME_HAPROXY_AT_ONCE:-256}"
believed="${RIGHTTIME_HAPROXY_TRUSTED:+ unless { src $RIGHTTIME_HAPROXY_TRUSTED \}}"

# What waits longer than a second for a place in a front door gets this, and costs no Python.
refusal() {
  body='{"type": "/problems/unavailable", "title": "Not available right now", "status": 503}'
  printf 'HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n'
  printf 'Cache-Control: no-store\r\nRetry-After: 1\r\nContent-Length: %s\r\n\r\n%s' "${#body}" "$body"
}

previous=
for word in "$@"; do
  if [ "$previous" = -f ] && [ -f "$word" ]; then
    folder="$(dirname "$word")"
    # Beside it lie the admin socket, the metrics socket and the servers' state: nobody else's business.
    case "$word" in */haproxy-serve/*) chmod 700 "$folder" ;; esac
    refusal > "$folder/503.http"
    # Statistics and metrics ask for no credential. A request's head must be whole within 10 s. Who the client is
    # says the connection, not the client: wrong keys are counted by address.
    sed -i -E \
      -e "s/^( *bind )\*?:([0-9]+)\$/\1$inside:\2/" \
      -e 's/( mode )666( level admin)/\1600\2/' \
      -e 's/^( *)option httplog$/&\n\1timeout http-request 10s/' \
      -e "s#^frontend http_frontend\$#&\n    http-request set-header X-Forwarded-For %[src]$believed#" \
      -e "s#^( *errorfile 503) .*#\1 $folder/503.http#" \
      -e '/^backend http-front-door$/,/^(backend|listen|frontend) /{' \
      -e 's/^( *)http-reuse .*/&\n\1timeout queue 1s/' \
      -e "/ backup\$/!s/^ *server .*/& maxconn $at_once/" \
      -e '}' \
      "$word"
  fi
  previous="$word"
done
exec "${RIGHTTIME_HAPROXY:-haproxy}" "$@"
