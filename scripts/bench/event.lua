-- Single events, each with an id and a customer of its own, for wrk.
-- Arguments: run, customers, thread seed. The key comes in RIGHTTIME_KEY, so that no list of
-- processes shows it. The same events as scripts/bench/payloads.py.

local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

local VIEW = '{"messageId":"%s","userId":"bench-%d","event":"Product Viewed","properties":' ..
  '{"product_id":"p-%d","sku":"G-%d","category":"%s","name":"Semi-skimmed milk, 1 litre",' ..
  '"brand":"Meadow","variant":"1 l","price":%d.99,"quantity":1,"currency":"USD","position":3,' ..
  '"url":"https://shop.example/products/p-%d","image_url":"https://shop.example/images/p.jpg"},' ..
  '"context":{"channel":"web","placements":["home_hero"],"locale":"en-US","timezone":' ..
  '"America/New_York","userAgent":"Mozilla/5.0 (X11; Linux x86_64)","page":{"path":"/products",' ..
  '"title":"Products","url":"https://shop.example/products"}}}'

local ORDER = '{"messageId":"%s","userId":"bench-%d","event":"Order Completed","properties":' ..
  '{"order_id":"%s","store_id":"380","total":%d.75,"currency":"USD","items":6,"departments":' ..
  '{"GROCERY":{"items":3,"total":%d.25},"PRODUCE":{"items":2,"total":3.20},"DRUG GM":' ..
  '{"items":1,"total":1.30}},"coupons_used":1,"coupon_discount":0.55,"retail_discount":1.20,' ..
  '"loyalty_card":true,"till":"7","cashier":"self-service","payment":"card"},"context":' ..
  '{"channel":"store","placements":["till_receipt"],"locale":"en-US","timezone":' ..
  '"America/New_York","store":{"region":"East","format":"superstore"}}}'

local CATEGORIES = {"GROCERY", "PRODUCE", "MEAT", "DELI", "PASTRY", "DRUG GM", "NUTRITION"}

local counter = 0
local run, customers, host, key

function init(args)
  run = args[1]
  customers = tonumber(args[2])
  math.randomseed(tonumber(args[3]) * 1000 + number)
  host = wrk.host .. ":" .. wrk.port
  key = os.getenv("RIGHTTIME_KEY") or ""
end

function event()
  counter = counter + 1
  local id = run .. "-" .. number .. "-" .. counter
  local who = math.random(customers)
  if counter % 10 == 0 then
    local total = math.random(8, 90)
    return string.format(ORDER, id, who, id, total + 5, total + 1)
  end
  local product = math.random(9000)
  local category = CATEGORIES[math.random(#CATEGORIES)]
  return string.format(VIEW, id, who, product, product, category, math.random(1, 40), product)
end

function post(body)
  return "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. host ..
    "\r\nAuthorization: Bearer " .. key ..
    "\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

function request()
  return post(event())
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"seconds":%f,"failed":%d,"p50Ms":%f,"p90Ms":%f,"p99Ms":%f}\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(90) / 1000, latency:percentile(99) / 1000))
end
