"""The atomic steps of reservations, in Lua.

All that a subject uses, a lineage of keys (`7`) or a user with limits (`u3`), stands in
four keys, and one more lists what is under way:

    corral:limits:<subject>:open       hash: job → "<day> <cost> <reserved at, ms>"
    corral:limits:<subject>:window     sorted set: job → admitted at, ms (60 s)
    corral:limits:<subject>:tokens     hash: job → tokens, of those; `sum` of them all
    corral:limits:<subject>:day:<day>  hash: `charged` and `reserved` tokens
    corral:limits:open                 sorted set: "<lineage>:<job>" → look at it at, ms

A reservation is named after its lineage and its job's id, so each step may be repeated.
Who else holds it stands behind the time in the lineage's `open`, and settles with it.
"""

# Redis' own clock, so that no two machines' clocks are ever compared.
_NOW = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local ALL, MINUTE, DAY = 'corral:limits:open', 60000, 86400000
local function keys(subject)
  local prefix = 'corral:limits:' .. subject
  return prefix .. ':open', prefix .. ':window', prefix .. ':tokens', prefix .. ':day:'
end
"""

# ARGV the number of jobs, ms until reconciliation looks; (job, cost)…; then of each
# subject its name and rpm, tpm, daily tokens and concurrency ('' = unlimited), the
# lineage first. All jobs are reserved, of all subjects, or nothing is.
# Gives admitted, then of each subject: requests, tokens, charged, reserved, places, ms
# until the requests fit, ms until the cost fits, ms until the minute is empty, ms until
# midnight.
RESERVE = (
    _NOW
    + """
local FIRST, asked, cost = 3, tonumber(ARGV[1]), 0
local LAST = FIRST + 2 * asked - 1
for i = FIRST, LAST, 2 do cost = cost + ARGV[i + 1] end
-- Who only looks is told when one more would fit.
local more = math.max(asked, 1)
local today = math.floor(now / DAY)

-- What was admitted a minute ago counts no more. So many at a time fit on Lua's stack.
local function slide(window, tokens)
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
end

local function until_requests(one, rpm)
  local at = one.requests + more - rpm - 1
  local last = redis.call('ZRANGE', one.window, at, at, 'WITHSCORES')
  -- More than a minute takes will never fit.
  return last[2] and last[2] + MINUTE - now or 0
end

local function until_tokens(one, tpm)
  local over = one.sum + cost - tpm
  local oldest = redis.call('ZRANGE', one.window, 0, 999, 'WITHSCORES')
  local wait = 0
  for i = 1, #oldest, 2 do
    if over <= 0 then break end
    over = over - redis.call('HGET', one.tokens, oldest[i])
    wait = oldest[i + 1] + MINUTE - now
  end
  return wait
end

local function look(name, rpm, tpm, daily, most)
  local open, window, tokens, day = keys(name)
  day = day .. today
  slide(window, tokens)
  local one = {name = name, open = open, window = window, tokens = tokens, day = day,
    requests = redis.call('ZCARD', window),
    sum = tonumber(redis.call('HGET', tokens, 'sum') or 0),
    charged = tonumber(redis.call('HGET', day, 'charged') or 0),
    reserved = tonumber(redis.call('HGET', day, 'reserved') or 0),
    places = redis.call('HLEN', open), fits = true, requests_wait = 0, tokens_wait = 0}
  if rpm and one.requests + more > rpm then
    one.fits, one.requests_wait = false, until_requests(one, rpm)
  end
  if tpm and one.sum + cost > tpm then
    one.fits, one.tokens_wait = false, until_tokens(one, tpm)
  end
  if daily and one.charged + one.reserved + cost > daily then one.fits = false end
  if most and one.places + more > most then one.fits = false end
  return one
end

local function take(one, others)
  one.requests, one.sum = one.requests + asked, one.sum + cost
  one.reserved, one.places = one.reserved + cost, one.places + asked
  for i = FIRST, LAST, 2 do
    local job, own = ARGV[i], ARGV[i + 1]
    redis.call('HSET', one.open, job, today .. ' ' .. own .. ' ' .. now .. others)
    redis.call('ZADD', one.window, now, job)
    redis.call('HSET', one.tokens, job, own, 'sum', one.sum)
  end
  redis.call('PEXPIREAT', one.window, now + MINUTE)
  redis.call('PEXPIREAT', one.tokens, now + MINUTE)
  redis.call('HINCRBY', one.day, 'reserved', cost)
  redis.call('PEXPIREAT', one.day, (today + 3) * DAY)
end

local subjects, admitted, others = {}, true, ''
for i = LAST + 1, #ARGV, 5 do
  local one = look(ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]),
    tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4]))
  admitted = admitted and one.fits
  if #subjects > 0 then others = others .. ' ' .. one.name end
  table.insert(subjects, one)
end

-- Asked again, after a lost reply: they are admitted already.
local lineage = subjects[1]
local again = asked > 0 and redis.call('HEXISTS', lineage.open, ARGV[FIRST]) == 1
if again then admitted = true end
if admitted and asked > 0 and not again then
  for i = FIRST, LAST, 2 do
    redis.call('ZADD', ALL, now + ARGV[2], lineage.name .. ':' .. ARGV[i])
  end
  for i, one in ipairs(subjects) do take(one, i == 1 and others or '') end
end

local reply = {admitted and 1 or 0}
for _, one in ipairs(subjects) do
  local newest = redis.call('ZRANGE', one.window, -1, -1, 'WITHSCORES')
  local reset = newest[2] and newest[2] + MINUTE - now or 0
  for _, number in ipairs({one.requests, one.sum, one.charged, one.reserved, one.places,
      one.requests_wait, one.tokens_wait, reset, (today + 1) * DAY - now}) do
    table.insert(reply, number)
  end
end
return reply
"""
)

# ARGV (lineage, job, tokens, '1' = it was never accepted)…
# Gives how many of them were under way.
SETTLE = (
    _NOW
    + """
-- Gives who else holds it, or nothing if it is not held.
local function settle(name, job, used, never)
  local open, window, tokens, day = keys(name)
  local held = redis.call('HGET', open, job)
  if not held then return nil end
  local today, cost, others = string.match(held, '^(%d+) (%d+) %d+(.*)$')
  redis.call('HDEL', open, job)
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
  return others
end

local settled = 0
for i = 1, #ARGV, 4 do
  local lineage, job, used, never = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local others = settle(lineage, job, used, never)
  if others then
    settled = settled + 1
    redis.call('ZREM', ALL, lineage .. ':' .. job)
    for name in string.gmatch(others, '%S+') do settle(name, job, used, never) end
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
