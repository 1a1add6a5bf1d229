#!/usr/bin/env bash
# docker-compose.yml for real: up, documents in and outcomes out, two workers, a graceful stop, and again.
# Needs a Docker engine with compose and the checkout's .venv (`make setup`); takes about two minutes.
# Has a project, an image and ports of its own, and takes all of it down again whatever happens.
set -Eeuo pipefail
cd "$(dirname "$0")/../.."

python=.venv/bin/python
export COMPOSE_PROJECT_NAME=g3n-smoke-$$ G3N_IMAGE=g3n-smoke-$$ COMPOSE_PROGRESS=quiet COMPOSE_MENU=false
# No .env of the developer's has a say in this.
export COMPOSE_DISABLE_ENV_FILE=true G3N_ENV_FILE=/nonexistent
read -r KAFKA_HOST_PORT POSTGRES_HOST_PORT < <("$python" - <<'END'
import socket
taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(server.getsockname()[1] for server in taken))
END
)
export KAFKA_HOST_PORT POSTGRES_HOST_PORT
step="the beginning"

begin() {
    step=$1
    printf '[%3d s] %s\n' "$SECONDS" "$step" >&2
}
bounded() { timeout --foreground --kill-after=10 "$@"; }
exchange() { bounded 90 "$python" -B tests/compose/exchange.py "127.0.0.1:$KAFKA_HOST_PORT" "$1"; }
up() { bounded 180 docker compose up --detach --no-build --wait --wait-timeout 150; }
two_workers() {
    mapfile -t workers < <(docker compose ps --all --quiet worker)
    ((${#workers[@]} == 2)) || { echo "there are ${#workers[@]} workers, not two" >&2; return 1; }
}

end() {
    local code=$?
    trap - EXIT INT TERM
    if ((code)); then docker compose logs --no-color --tail 60 setup worker >&2 || true; fi
    bounded 90 docker compose down --volumes --remove-orphans --timeout 20 >/dev/null || code=1
    docker image rm --force "$G3N_IMAGE" >/dev/null 2>&1 || true
    if ((code)); then
        echo "compose smoke: FAILED after $SECONDS s at: $step"
    else
        echo "compose smoke: passed in $SECONDS s"
    fi
    exit "$code"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

begin "docker-compose.yml is valid, profile metrics included"
docker compose --profile metrics config --quiet

begin "the image builds"
bounded 400 docker compose build

begin "all comes up healthy, with two workers"
up
two_workers

begin "a customer, a gift card, a tender, a sale and a dead letter"
exchange first

begin "an operator makes a key"
key=$(bounded 60 docker compose run --rm -T ops worker keys create --orgcode smoke --name smoke --scope customer:read)
[[ $key == g3nk_smoke_* ]] || { echo "no key came back" >&2; exit 1; }

begin "an operator audits the ledger, and sees what a replay would do"
bounded 90 docker compose run --rm -T ops worker audit >/dev/null
bounded 90 docker compose run --rm -T ops worker replay --topic scm.sales >/dev/null

begin "each worker has partitions"
for container in "${workers[@]}"; do
    bounded 30 docker exec "$container" python -c '
import time, urllib.request
def has_partitions():
    text = urllib.request.urlopen("http://127.0.0.1:9464/metrics", timeout=10).read().decode()
    return any(line.startswith("g3n_lag_documents{") for line in text.splitlines())
while not has_partitions():
    time.sleep(0.2)'
done

begin "sales of many customers, through both"
exchange many

begin "a graceful stop"
bounded 120 docker compose stop worker
for container in "${workers[@]}"; do
    code=$(docker inspect --format '{{.State.ExitCode}}' "$container")
    [ "$code" = 0 ] || { echo "a worker left with $code" >&2; exit 1; }
done

begin "up again, and the first sale once more"
up
exchange again
