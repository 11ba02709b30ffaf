-- One order after another, each waiting for its saga's end. Prints one line for scripts/bench.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"item_name":"Kopi Gayo 250 g","quantity":2,"price":85000,"payment":{"provider":"simulated"}}'

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %d %.0f %.3f %.3f %.3f %d\n",
    summary.requests,
    summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1000,
    latency:percentile(99) / 1000,
    latency.max / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
