"""The atomic steps of reservations, in Lua.

All that a lineage uses stands in four keys, and one more lists what is under way:

    corral:limits:<lineage>:open       hash: job → "<day> <cost> <reserved at, ms>"
    corral:limits:<lineage>:window     sorted set: job → admitted at, ms (60 s)
    corral:limits:<lineage>:tokens     hash: job → tokens, of those; `sum` of them all
    corral:limits:<lineage>:day:<day>  hash: `charged` and `reserved` tokens
    corral:limits:open                 sorted set: "<lineage>:<job>" → look at it at, ms

A reservation's name is its job's id, so each step may be repeated.
"""

# Redis' own clock, so that no two machines' clocks are ever compared.
_NOW = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local ALL, MINUTE, DAY = 'corral:limits:open', 60000, 86400000
local function keys(lineage)
  local prefix = 'corral:limits:' .. lineage
  return prefix .. ':open', prefix .. ':window', prefix .. ':tokens', prefix .. ':day:'
end
"""

# ARGV lineage, rpm, tpm, daily tokens, concurrency (each '' = unlimited), ms until
# reconciliation looks, then (job, cost)…: all of them are reserved, or none.
# Gives {admitted, requests, tokens, charged, reserved, places, ms until the requests
# fit, ms until the cost fits, ms until the minute is empty, ms until midnight}.
RESERVE = (
    _NOW
    + """
local open, window, tokens, day = keys(ARGV[1])
local today = math.floor(now / DAY)
day = day .. today
local rpm, tpm = tonumber(ARGV[2]), tonumber(ARGV[3])
local daily, most = tonumber(ARGV[4]), tonumber(ARGV[5])
local FIRST, cost = 7, 0
local asked = (#ARGV - FIRST + 1) / 2
for i = FIRST, #ARGV, 2 do cost = cost + ARGV[i + 1] end
-- Who only looks is told when one more would fit.
local more = math.max(asked, 1)

-- What was admitted a minute ago counts no more. So many at a time fit on Lua's stack.
while true do
  local gone = redis.call(
    'ZRANGEBYSCORE', window, '-inf', now - MINUTE, 'LIMIT', 0, 1000)
  if #gone == 0 then break end
  local spent = 0
  for _, count in ipairs(redis.call('HMGET', tokens, unpack(gone))) do
    spent = spent + count
  end
  if spent > 0 then redis.call('HINCRBY', tokens, 'sum', -spent) end
  redis.call('HDEL', tokens, unpack(gone))
  redis.call('ZREM', window, unpack(gone))
end

local requests = redis.call('ZCARD', window)
local sum = tonumber(redis.call('HGET', tokens, 'sum') or 0)
local charged = tonumber(redis.call('HGET', day, 'charged') or 0)
local reserved = tonumber(redis.call('HGET', day, 'reserved') or 0)
local places = redis.call('HLEN', open)

local function until_requests()
  local at = requests + more - rpm - 1
  local last = redis.call('ZRANGE', window, at, at, 'WITHSCORES')
  -- More than a minute takes will never fit.
  return last[2] and last[2] + MINUTE - now or 0
end

local function until_tokens()
  local over = sum + cost - tpm
  local oldest = redis.call('ZRANGE', window, 0, 999, 'WITHSCORES')
  local wait = 0
  for i = 1, #oldest, 2 do
    if over <= 0 then break end
    over = over - redis.call('HGET', tokens, oldest[i])
    wait = oldest[i + 1] + MINUTE - now
  end
  return wait
end

local admitted, requests_wait, tokens_wait = 1, 0, 0
if rpm and requests + more > rpm then
  admitted, requests_wait = 0, until_requests()
end
if tpm and sum + cost > tpm then admitted, tokens_wait = 0, until_tokens() end
if daily and charged + reserved + cost > daily then admitted = 0 end
if most and places + more > most then admitted = 0 end

-- Asked again, after a lost reply: they are admitted already.
local again = asked > 0 and redis.call('HEXISTS', open, ARGV[FIRST]) == 1
if again then admitted = 1 end
if admitted == 1 and asked > 0 and not again then
  requests, sum = requests + asked, sum + cost
  reserved, places = reserved + cost, places + asked
  for i = FIRST, #ARGV, 2 do
    local job, own = ARGV[i], ARGV[i + 1]
    redis.call('HSET', open, job, today .. ' ' .. own .. ' ' .. now)
    redis.call('ZADD', ALL, now + ARGV[6], ARGV[1] .. ':' .. job)
    redis.call('ZADD', window, now, job)
    redis.call('HSET', tokens, job, own, 'sum', sum)
  end
  redis.call('PEXPIREAT', window, now + MINUTE)
  redis.call('PEXPIREAT', tokens, now + MINUTE)
  redis.call('HINCRBY', day, 'reserved', cost)
  redis.call('PEXPIREAT', day, (today + 3) * DAY)
end

local newest = redis.call('ZRANGE', window, -1, -1, 'WITHSCORES')
local reset = newest[2] and newest[2] + MINUTE - now or 0
return {admitted, requests, sum, charged, reserved, places, requests_wait, tokens_wait,
  reset, (today + 1) * DAY - now}
"""
)

# ARGV (lineage, job, tokens, '1' = it was never accepted)…
# Gives how many of them were under way.
SETTLE = (
    _NOW
    + """
local settled = 0
for i = 1, #ARGV, 4 do
  local lineage, job, used, never = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local open, window, tokens, day = keys(lineage)
  local held = redis.call('HGET', open, job)
  if held then
    settled = settled + 1
    local today, cost = string.match(held, '(%d+) (%d+)')
    redis.call('HDEL', open, job)
    redis.call('ZREM', ALL, lineage .. ':' .. job)
    if redis.call('EXISTS', day .. today) == 1 then
      redis.call('HINCRBY', day .. today, 'reserved', '-' .. cost)
      redis.call('HINCRBY', day .. today, 'charged', used)
    end
    if redis.call('ZSCORE', window, job) then
      redis.call('HINCRBY', tokens, 'sum', used - cost)
      redis.call('HSET', tokens, job, used)
      if never == '1' then
        redis.call('ZREM', window, job)
        redis.call('HDEL', tokens, job)
      end
    end
  end
end
return settled
"""
)

# ARGV at most how many. Gives {lineage:job, ms since it was reserved, …}.
DUE = (
    _NOW
    + """
local due = {}
local listed = redis.call('ZRANGEBYSCORE', ALL, '-inf', now, 'LIMIT', 0, ARGV[1])
for _, name in ipairs(listed) do
  local lineage, job = string.match(name, '^(%d+):(.*)$')
  local open = keys(lineage)
  local held = redis.call('HGET', open, job)
  if held then
    table.insert(due, name)
    table.insert(due, now - string.match(held, '%d+ %d+ (%d+)'))
  else
    redis.call('ZREM', ALL, name)
  end
end
return due
"""
)

# ARGV ms, lineage:job… : looks at them again after so long.
POSTPONE = (
    _NOW
    + """
for i = 2, #ARGV do
  redis.call('ZADD', ALL, 'XX', now + ARGV[1], ARGV[i])
end
return #ARGV - 1
"""
)
