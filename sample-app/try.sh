#!/usr/bin/env bash
# Sends requests to the sample application (npm start) and shows what it answers.
set -euo pipefail
url=${1:-http://localhost:${PORT:-3000}}

try() {
  local title=$1 count=$2
  shift 2
  printf '\n%s\n' "$title"
  for ((i = 1; i <= count; i++)); do
    printf '%3d  ' "$i"
    # A response that is cut off makes curl fail.
    { curl -s -i "$@" || true; } | tr -d '\r' | awk '
      NR == 1 { status = $2 }
      tolower($1) == "ratelimit:" { $1 = ""; limit = $0 }
      tolower($1) == "retry-after:" { retry = "  Retry-After: " $2 }
      /^$/ { in_body = 1; next }
      in_body { body = body $0 }
      END { printf "%s %-44s%s  %s\n", status, limit, retry, substr(body, 1, 100) }'
  done
}

curl -s -o /dev/null "$url/reports/up" || { echo "Nothing answers at $url. Start the application first: npm start" >&2; exit 1; }
try 'GET /reports: the class, 20 a minute' 3 "$url/reports"
try 'GET /reports/latest: the method, 2 a second and 5 a minute' 4 "$url/reports/latest"
try 'GET /reports/pdf: five units of 20 a minute' 5 "$url/reports/pdf"
try 'GET /reports/up: not limited' 2 "$url/reports/up"
try 'GET /search: the policy "search", 3 in 10 seconds' 3 "$url/search?q=lock"
try 'GET /suggest: the same budget' 1 "$url/suggest?q=lock"
try 'POST /uploads: 900 bytes each, 2000 at once' 3 "$url/uploads" -d "text=$(printf '%0900d' 0)"
try 'POST /login with the right password: only failures are counted' 6 "$url/login" -d name=eve -d password=sesame
try 'POST /login with a wrong password: 5 a minute of an address' 6 "$url/login" -d name=ada -d password=open
try 'GET /exports/rows: 1000 rows an hour; each takes 100, and is charged the 300 that it returns' 5 "$url/exports/rows?count=300"
try 'GET /completions: 200 tokens a minute; each chunk is paid for before it is sent, and the third response is cut off' 4 "$url/completions?words=40"
try 'GET /api with a key without a plan: 3 a minute' 4 "$url/api" -H 'x-api-key: bob'
try 'GET /api with the key of a client with the plan "pro": 8 a minute' 9 "$url/api" -H 'x-api-key: ada'
try 'GET /api with the plan "enterprise": no limit but the default of the module' 4 "$url/api" -H 'x-api-key: grace'
try 'GET /trends: the policy "trends", 2 a minute, is monitored' 3 "$url/trends"
try 'PUT /policies/trends: an operator switches it on' 1 -X PUT "$url/policies/trends" -H 'x-operator: sesame' -d mode=on
try 'GET /trends: now it is enforced' 2 "$url/trends"
try 'PUT /policies/trends: monitored again' 1 -X PUT "$url/policies/trends" -H 'x-operator: sesame' -d mode=monitor
try 'PUT /overrides/bob by an operator: 6 a minute for the key "bob"' 1 "$url/overrides/bob" -X PUT -H 'x-operator: sesame' -d rate=6/min
try 'GET /api with that key: 3 of the 6 are used' 4 "$url/api" -H 'x-api-key: bob'
try 'DELETE /overrides/bob: the rate of the policy again' 1 "$url/overrides/bob" -X DELETE -H 'x-operator: sesame'
try 'GET /exports of Ada: 3 a month of Berlin, and 2 that were not used before' 6 "$url/exports" -H 'x-user: ada'
printf '\nMessages of a WebSocket, which curl does not speak: open %s/ in a browser.\n' "$url"
