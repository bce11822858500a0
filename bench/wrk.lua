-- Sends the calls of a file one after another, and tells what it saw as one line of JSON.
-- Each line of the file: method, path and body, with tabs between. Further arguments: headers.

local requests, turn = {}, 0

function init(arguments)
  wrk.headers["Content-Type"] = "application/json"
  for number = 2, #arguments do
    local name, value = arguments[number]:match("^([^:]+): (.*)$")
    wrk.headers[name] = value
  end
  for line in io.lines(arguments[1]) do
    local method, path, body = line:match("^([^\t]*)\t([^\t]*)\t(.*)$")
    if body == "" then body = nil end
    requests[#requests + 1] = wrk.format(method, path, nil, body)
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.stderr:write(string.format(
    '{"calls":%d,"microseconds":%d,"failed":%d,"p50":%f,"p99":%f}\n',
    summary.requests, summary.duration, failed, latency:percentile(50), latency:percentile(99)))
end
