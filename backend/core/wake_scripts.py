"""The wake-up protocol's atomic steps, in Lua (JOBS.md 12-15).

tests/unit/backend/core/wake_model.py walks through every interleaving of these steps;
change one only together with the other.

Keys of a model `m`:
    corral:capacity:m     hash: node → "<slots> <published until, ms>"
    corral:slots:m:<node> sorted set: holder → lease end, ms
    corral:idle:m         sorted set: lingering slot → its deadline, ms
    corral:wake:<slot>    list: at most one hint for that slot
    corral:more:m         a mark: somebody committed while all slots were held
    gen:m                 Celery's list of waiting tickets
"""

# Redis' own clock, so that no two machines' clocks are ever compared.
_NOW = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
"""

# Gives total slots and held slots over all live nodes of the model.
_COUNT = """
local capacity, held = 0, 0
local published = redis.call('HGETALL', KEYS[3])
for i = 1, #published, 2 do
  local slots, live = string.match(published[i + 1], '(%d+) (%d+)')
  if tonumber(live) > now then
    capacity = capacity + tonumber(slots)
    held = held + redis.call('ZCOUNT', ARGV[1] .. published[i], now, '+inf')
  end
end
"""

# Hints the slot that will leave last, which is the one that was busy last: its thread
# is warm, and those that are not needed do leave.
_GIVE = """
local function give(hint)
  local slot = redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', now, 'LIMIT', 0, 1)[1]
  if not slot then return false end
  redis.call('ZREM', KEYS[1], slot)
  redis.call('LPUSH', 'corral:wake:' .. slot, hint)
  redis.call('PEXPIRE', 'corral:wake:' .. slot, 10000)
  return true
end
"""

# KEYS idle, more, capacity, tickets; ARGV slots prefix, hints…
# Gives {tickets to send, hints given}.
ANNOUNCE = (
    _NOW
    + _GIVE
    + """
local given = 0
for i = 2, #ARGV do
  if not give(ARGV[i]) then break end
  given = given + 1
end
local left = #ARGV - 1 - given
if left == 0 then return {0, given} end
"""
    + _COUNT
    + """
local room = capacity - redis.call('LLEN', KEYS[4])
if room <= 0 then return {0, given} end
-- The tickets that wait take a slot each; only what is free beyond them is worth one.
local free = math.max(0, room - held)
if left > free then redis.call('SET', KEYS[2], 1, 'EX', 3600) end
return {math.min(left, free), given}
"""
)

# KEYS idle, more, capacity, slots of this node;
# ARGV slots prefix, holder, slots of this node, lease ms
# Gives 1 = taken, 2 = send the ticket on (another node is free), 0 = passed on.
TAKE_SLOT = (
    _NOW
    + _COUNT
    + _GIVE
    + """
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now)
if redis.call('ZCARD', KEYS[4]) < tonumber(ARGV[3]) then
  redis.call('ZADD', KEYS[4], now + ARGV[4], ARGV[2])
  redis.call('PEXPIRE', KEYS[4], 60000)
  return 1
end
if held < capacity then return 2 end
if not give('look') then redis.call('SET', KEYS[2], 1, 'EX', 3600) end
return 0
"""
)

# KEYS idle, more; ARGV slot, ms until it leaves. Gives 1 = look now, 0 = registered.
REGISTER = (
    _NOW
    + """
if redis.call('DEL', KEYS[2]) == 1 then return 1 end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], 60000)
return 0
"""
)

# KEYS slots…; ARGV lease ms, holders… : puts back those that are gone.
RENEW = (
    _NOW
    + """
for i, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + ARGV[1], ARGV[i + 1])
  redis.call('PEXPIRE', key, 60000)
end
return #KEYS
"""
)

# KEYS capacity, slots…; ARGV slots prefix: gives {capacity, held}.
COUNT = _NOW + _COUNT.replace("KEYS[3]", "KEYS[1]") + "return {capacity, held}"

# KEYS capacity; ARGV node, slots, ttl ms
PUBLISH_CAPACITY = (
    _NOW
    + """
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. (now + ARGV[3]))
redis.call('PEXPIRE', KEYS[1], 3600000)
return 1
"""
)
