#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""History and resume as a random model: the rules, executable, before they are C.

Logics push numbered items, several to a push and to several rooms; links bring them late, are cut, lose what their
queue drops, and lead to gateways that start anew; gateways merge, split pushes over batches, keep a bounded past,
and send jobs to several buckets, whose rooms take turns; clients join with and without positions, are dropped from,
leave, come back elsewhere, and take marks from PONG. Every client is judged, at every step: what its position says
it has, it has, once and in order.

    resume_model.py [--seeds N] [--steps N] [--mild] [--without RULE] [--first N]

--without leaves out a rule, to see that the judge finds what it is for (--list names them). Exit 0: nothing found.
Without 3 nothing is lost, but every client that is ahead by milliseconds gets a gap; 6, 8, cap and old guard what
some hundred runs do not meet. The bus is not in it, nor what has no number of a logic.

What it taught, beyond the rules as they were first written:
- The jobs that tell of numbers passed over carry no mark: the first of them, through in one room, would let the
  bucket's mark pass what the next room has not been told.
- What a mailbox does not take is told before anything else goes into it, of whatever room: then neither the mark
  nor the floor needs to know of it.
- A JOIN with a position owes what was pushed since that position was given, not since the JOIN: records of a logic
  that is first heard of are held against that time.
- A logic that is first heard of at n > 0 may have pushed up to n while members were here: rooms with members from
  before the first record that it still has are told of a gap.
- Behind an ACK with a gap the client's position is the old one until the first frame of the replay is there.
"""

import argparse
import collections
import random
import sys

RULES = {
    "1": "a bucket counts as audience of a room from when a JOIN's job is posted",
    "2": "a JOIN with a position first seals the room's open batch",
    "3": "a JOIN with a position ahead of this gateway waits",
    "4": "an item goes into the history past the merger only when its key has no open batch",
    "5": "a key's own last numbers are kept until the mark has passed them",
    "6": "a key that comes into the table begins with the gateway's floor",
    "7": "numbers passed over are told to every client, behind what was before them",
    "8": "a mark merged into a position leaves out the logics that it lacks",
    "split": "a push that a batch ends in counts by items",
    "late": "records of a logic that is first heard of are not delivered, and told as lost where they are young",
    "mark": "a bucket's mark is that of the last job before which all are through",
    "replay": "no mark counts for a room whose replay is not through",
    "dropped": "a client is told of what it is not sent, and takes no mark for that room until its JOIN",
    "full": "what a mailbox does not take is told before anything else goes into it",
    "cap": "a position that names not all logics says so",
    "old": "a position is good for a bounded time",
}

BUCKETS = 2


class Found(Exception):
    """The judge's: a client lost an item, or had it twice or out of order."""


class Options:
    """Time is in units of about a second; harsh: short lives, so that everything happens."""

    def __init__(self, mild):
        self.keep = 120 if mild else 60          # seconds of history, and of the logics' replay logs
        self.items = 60 if mild else 6           # of history, each key
        self.token = 700                         # how long a logic is named in positions after it was last heard
        self.rule = 600                          # how long one counts as known where a position lacks it
        self.max_age = 300                       # of a position
        self.wait = 40                           # for a JOIN that is ahead
        self.batch = 4                           # items: full
        self.cap = 3                             # logics that a position names
        self.mild = mild


class Position:
    """What a client holds: for each logic (s, k): everything up to s, and k items of s + 1 of this key."""

    def __init__(self, at, parts, cut=False):
        self.at, self.parts, self.cut = at, dict(parts), cut

    def covers(self, logic, number, index):
        if logic not in self.parts:
            return False
        s, k = self.parts[logic]
        return number <= s or (number == s + 1 and index < k)


def less(a, b):
    """The component a is before b."""
    return a < b


Item = collections.namedtuple("Item", "logic number index at last")  # last: of its push, for this key
Record = collections.namedtuple("Record", "logic number rooms at")   # rooms: {room: how many items}


class World:
    def __init__(self, seed, options, without):
        self.r = random.Random(seed)
        self.seed, self.o, self.without = seed, options, without
        self.now = 0
        self.rooms = ["a", "b", "c"]
        self.truth = {room: [] for room in self.rooms}   # every item ever pushed, in the order of each logic
        self.logics, self.gateways, self.links = [], [], {}
        self.finals = {}                                 # last numbers of logics that drained
        self.born = {}                                   # when each logic was born
        self.next_logic = 0
        self.stats = collections.Counter()

    def has(self, rule):
        return rule not in self.without


class Logic:
    def __init__(self, world):
        world.next_logic += 1
        self.world, self.id, self.number, self.log = world, world.next_logic, 0, []
        world.born[self.id] = world.now

    def push(self):
        w, r = self.world, self.world.r
        rooms = r.sample(w.rooms, r.choice([1, 1, 1, 2, 3]))
        self.number += 1
        record = Record(self.id, self.number, {room: r.choice([1, 1, 2, 5]) for room in rooms}, w.now)
        for room, count in record.rooms.items():
            w.truth[room] += [Item(self.id, self.number, i, w.now, i == count - 1) for i in range(count)]
        self.log.append(record)
        self.log = [each for each in self.log if w.now - each.at <= w.o.keep]
        for gateway in w.gateways:
            gateway.links[self.id].queue.append(record)


class Link:
    """Of one logic to one gateway: what is queued, and whether it stands."""

    def __init__(self, logic, gateway):
        self.logic, self.gateway, self.queue, self.up = logic, gateway, [], False

    def come_up(self):
        """The hello: what the gateway lacks and the log still has comes first, marked as history."""
        g, logic = self.gateway, self.logic
        first = self.queue[0].number if self.queue else logic.number + 1
        have = g.applied.get(logic.id)
        again = [each for each in logic.log if each.number < first and (have is None or each.number > have)]
        self.up = True
        if have is None:
            begin = again[0].number - 1 if again else first - 1
            if begin > 0:
                g.lack(again[0].at if again else g.world.now)
            g.hear(logic.id, begin)
        for record in again:
            g.take(record, history=have is None)

    def bring(self, count):
        for _ in range(count):
            if self.up and self.queue:
                self.gateway.take(self.queue.pop(0), history=False)


class Job:
    def __init__(self, kind, room, mark, **more):
        self.kind, self.room, self.mark = kind, room, mark
        self.__dict__.update(more)


class Bucket:
    """Takes its mail in order into a queue for each room; rooms take turns."""

    def __init__(self, gateway):
        self.gateway, self.world = gateway, gateway.world
        self.mail, self.queues = [], collections.defaultdict(list)
        self.members = collections.defaultdict(list)     # room: clients, in it from their JOIN's job on
        self.order, self.done = [], set()                # jobs as they were posted, and those that are through
        self.mark = {}
        self.untold = []                                 # rooms of which the mailbox did not take a job

    def audience(self, room):
        pending = sum(job.room == room and job.kind == "join" for job in self.mail + self.queues[room])
        return bool(self.members[room]) or (pending > 0 and self.world.has("1"))

    def post(self, job):
        """False: the mailbox is full. What it did not take is told before anything else goes in."""
        full = self.world.r.random() < (.002 if self.world.o.mild else .01)
        if full and job.kind == "frame":
            self.untold.append(job.room)
            return
        rooms, self.untold = self.untold, []
        told = [Job("gap", room, None) for room in rooms] if self.world.has("full") else []
        self.order += [*told, job]
        self.mail += [*told, job]

    def work(self):
        """Some mail, then one job of some room."""
        r = self.world.r
        for _ in range(r.randrange(0, 4)):
            if self.mail:
                job = self.mail.pop(0)
                self.queues[job.room].append(job)
        rooms = [room for room, queue in self.queues.items() if queue]
        if rooms:
            room = r.choice(rooms)
            job = self.queues[room].pop(0)
            self.run(job)
            self.done.add(id(job))
            if not self.world.has("mark"):
                self.mark = job.mark or self.mark
            while self.order and id(self.order[0]) in self.done:
                first = self.order.pop(0)
                self.done.discard(id(first))
                if self.world.has("mark") and first.mark is not None:
                    self.mark = first.mark

    def run(self, job):
        if job.kind == "frame":
            for client in list(self.members[job.room]):
                client.frame(self, job)
        elif job.kind == "gap":
            for client in list(self.members[job.room]):
                client.gap(job.room)
            self.members[job.room].clear()
        elif job.kind == "join":
            job.client.joined(self, job)

    def drop_client(self, client):
        for members in self.members.values():
            if client in members:
                members.remove(client)


class Gateway:
    def __init__(self, world):
        self.world = world
        self.applied, self.whole, self.heard = {}, {}, {}
        self.open = collections.OrderedDict()
        self.hist, self.floor, self.gfloor = {}, {}, {}
        self.last = {}                                   # (room, logic): component of what the room has sealed
        self.mark = {}
        self.buckets = [Bucket(self) for _ in range(BUCKETS)]
        self.links, self.waiting = {}, []
        self.joined_at = {}                              # room: since when its members are owed what is pushed, the oldest

    # What is known of the logics.
    def hear(self, logic, number):
        if logic not in self.applied:
            self.applied[logic] = self.whole[logic] = number
        self.heard[logic] = self.world.now

    def lack(self, until):
        """Of a logic that is first heard of nobody has what it pushed before then: whoever was here is told."""
        if self.world.has("late"):
            for room in [room for room, since in self.joined_at.items() if since <= until]:
                if room in self.open:
                    self.seal(room)
                self.post_gap(room)

    def named(self):
        w = self.world
        alive = [each for each in self.applied
                 if w.now - self.heard[each] <= w.o.token or (each in self.links and self.links[each].up)]
        alive.sort(key=lambda each: -self.heard[each])
        return alive[:w.o.cap], len(alive) > w.o.cap

    def marked(self):
        mark = dict(self.applied)
        for items in self.open.values():
            for item in items:
                mark[item.logic] = min(mark[item.logic], item.number - 1)
        for logic in mark:
            mark[logic] = max(mark[logic], self.mark.get(logic, 0))
        self.mark = mark
        return dict(mark)

    def position(self, room):
        mark = self.marked()
        names, cut = self.named()
        parts = {}
        for logic in names:
            own = self.last.get((room, logic), (0, 0)) if self.world.has("5") else (0, 0)
            parts[logic] = max((mark.get(logic, 0), 0), own)
        return Position(self.world.now, parts, cut and self.world.has("cap"))

    def room_floor(self, room, logic):
        return self.floor.get((room, logic), 0) if room in self.hist else self.gfloor.get(logic, 0)

    # Records.
    def take(self, record, history):
        w = self.world
        logic = record.logic
        if logic not in self.applied:
            self.hear(logic, record.number - 1)
        if record.number <= self.applied[logic]:
            return
        if record.number > self.applied[logic] + 1:
            self.pass_over(logic, record.number - 1)
        self.heard[logic] = w.now
        for room, count in record.rooms.items():
            for index in range(count):
                self.add(room, Item(logic, record.number, index, record.at, index == count - 1), history)
        self.applied[logic] = record.number

    def pass_over(self, logic, number):
        """Numbers that nobody has any more."""
        self.whole[logic] = number
        for room in list(self.open):
            self.seal(room)
        self.applied[logic] = number
        if not self.world.has("7"):
            return
        for room in self.world.rooms:
            self.post_gap(room)

    def post_gap(self, room):
        self.joined_at.pop(room, None)
        for bucket in self.buckets:
            if bucket.audience(room):
                bucket.post(Job("gap", room, None))

    def add(self, room, item, history):
        w = self.world
        audience = any(bucket.audience(room) for bucket in self.buckets)
        if history and w.has("late"):
            if audience and item.at >= self.joined_at.get(room, w.now):
                if room in self.open:
                    self.seal(room)
                self.keep(room, [item])
                self.post_gap(room)
                return
            if room in self.open:
                self.seal(room)
            self.keep(room, [item])
            return
        if (room not in self.open or not w.has("4")) and not audience:
            self.keep(room, [item])
            return
        self.open.setdefault(room, []).append(item)
        if len(self.open[room]) >= w.o.batch:
            self.seal(room)

    def component(self, item):
        if item.last or not self.world.has("split"):
            return (item.number, 0)
        return (item.number - 1, item.index + 1)

    def keep(self, room, items):
        if room not in self.hist:
            self.hist[room] = []
            if self.world.has("6"):
                self.floor.update({(room, logic): number for logic, number in self.gfloor.items()})
        for item in items:
            self.hist[room].append(item)
            key = (room, item.logic)
            self.last[key] = max(self.last.get(key, (0, 0)), self.component(item))
        self.evict(room)

    def evict(self, room):
        w = self.world
        kept = self.hist.get(room)
        if kept is None:
            return
        while kept and (len(kept) > w.o.items or w.now - kept[0].at > w.o.keep):
            gone = kept.pop(0)
            key = (room, gone.logic)
            self.floor[key] = max(self.floor.get(key, 0), gone.number)
        passed = all(own <= (self.mark.get(key[1], 0), 0) for key, own in self.last.items() if key[0] == room)
        if not kept and room not in self.open and (passed or not w.has("5")) and w.r.random() < .5:
            del self.hist[room]
            for key in [each for each in self.floor if each[0] == room]:
                self.gfloor[key[1]] = max(self.gfloor.get(key[1], 0), self.floor.pop(key))
            for key in [each for each in self.last if each[0] == room]:
                del self.last[key]

    def seal(self, room):
        w = self.world
        items = self.open.pop(room, [])
        if not items:
            return
        self.keep(room, items)
        position = self.position(room)
        mark = self.marked()
        for bucket in self.buckets:
            if bucket.audience(room):
                bucket.post(Job("frame", room, mark, items=items, position=position))

    # Joins.
    def ahead(self, since):
        return any(logic not in self.applied or less((self.applied[logic], 0), part)
                   for logic, part in since.parts.items())

    def join(self, client, room, since, bucket, epoch, asked=None):
        asked = self.world.now if asked is None else asked
        if since is not None and self.world.has("3") and self.ahead(since) \
                and self.world.now - asked < self.world.o.wait:
            self.waiting.append((client, room, since, bucket, epoch, asked))
            return
        self.join_now(client, room, since, bucket, epoch)

    def retry(self):
        waiting, self.waiting = self.waiting, []
        for client, room, since, bucket, epoch, asked in waiting:
            if client.epoch == epoch:
                self.join(client, room, since, bucket, epoch, asked)

    def why_incomplete(self, room, since):
        w = self.world
        if w.now - since.at > w.o.max_age and w.has("old"):
            return "too_old"
        for logic, (number, _) in since.parts.items():
            if logic not in self.applied:
                return "unknown"
            if less((self.applied[logic], 0), since.parts[logic]):
                return "ahead"
            if number < max(self.whole[logic], self.room_floor(room, logic)):
                return "lost" if number < self.whole[logic] else "evicted"
        for logic in self.applied:
            if logic in since.parts or w.now - self.heard[logic] > w.o.rule:
                continue
            if since.cut:
                return "cut"
            if self.whole[logic] != 0 or self.room_floor(room, logic) != 0:
                return "new"
        return None

    def join_now(self, client, room, since, bucket, epoch):
        w = self.world
        if since is not None and w.has("2"):
            self.seal(room)
        self.evict(room)
        why = None if since is None else self.why_incomplete(room, since)
        replay = [] if since is None else \
            [item for item in self.hist.get(room, []) if not since.covers(item.logic, item.number, item.index)]
        own = self.position(room)
        first = own if since is None else since
        if since is not None and why is not None:
            w.stats["gap " + why] += 1
        elif since is not None:
            w.stats["recovered"] += 1
        owed_from = w.now if since is None else since.at             # from when on it is owed what is pushed
        self.joined_at[room] = min(self.joined_at.get(room, owed_from), owed_from)
        bucket.post(Job("join", room, self.marked(), client=client, epoch=epoch, replay=replay, first=first,
                        position=own, since=since, why=why))


class Client:
    """Holds a position for each room, and what it has had since its span began."""

    def __init__(self, world):
        self.world, self.gateway, self.bucket, self.epoch = world, None, None, 0
        self.position = {}          # room: Position, or absent
        self.state = {}             # room: joining, in, or gap
        self.had = {}               # room: items since the span began
        self.begin = {}             # room: (Position at its beginning, time)
        self.replaying = {}         # room: replay frames still to come

    def connect(self, gateway):
        if self.bucket is not None:
            self.bucket.drop_client(self)
        self.epoch += 1
        self.gateway, self.bucket = gateway, self.world.r.choice(gateway.buckets)
        self.replaying.clear()
        rooms = list(self.position) or self.world.r.sample(self.world.rooms, 2)
        self.state = {room: "joining" for room in rooms}
        for room in rooms:
            gateway.join(self, room, self.position.get(room), self.bucket, self.epoch)

    def leave(self):
        if self.bucket is not None:
            self.bucket.drop_client(self)
        self.gateway = self.bucket = None
        self.epoch += 1
        self.replaying.clear()

    def joined(self, bucket, job):
        if self.epoch != job.epoch:
            return
        room = job.room
        if job.since is None:
            self.begin[room] = (job.position, self.world.now)
            self.had[room] = []
        bucket.members[room].append(self)
        if job.since is None:
            self.position[room] = job.position
            self.state[room] = "in"
            return
        # Replay frames: each carries what the client has with it, the last one the room's.
        frames, parts, at = [], dict(job.since.parts), 0
        while at < len(job.replay):
            some = job.replay[at:at + self.world.r.choice([1, 2, 3])]
            at += len(some)
            for item in some:
                parts[item.logic] = max(parts.get(item.logic, (0, 0)), self.gateway.component(item))
            frames.append((some, Position(self.world.now, parts, job.since.cut)))
        frames.append(([], job.position))
        stop = self.world.r.random() < .1                             # the connection ends in the middle
        self.state[room] = "in"
        for items, position in frames[:self.world.r.randrange(len(frames)) if stop else None]:
            self.take(room, items, position, job.why is not None)
        if stop:
            self.leave()

    def take(self, room, items, position, gapped=False):
        """A frame; behind a gap that was told nothing is owed but what follows."""
        self.had[room] += items
        if gapped:
            self.begin[room] = (position, self.world.now)
            self.had[room] = []
        self.position[room] = position
        self.judge(room)

    def frame(self, bucket, job):
        if self.state.get(job.room) != "in":
            return
        w = self.world
        if w.r.random() < (.002 if w.o.mild else .01):                # it is slow: the frame is dropped
            if w.has("dropped"):
                bucket.members[job.room].remove(self)
                self.gap(job.room)
            return
        self.take(job.room, job.items, job.position)

    def gap(self, room):
        """The membership has ended; the position is that of before."""
        if self.state.get(room) == "in":
            self.state[room] = "gap"

    def heal(self):
        for room, state in list(self.state.items()):
            if state == "gap" and self.world.r.random() < .5:
                self.state[room] = "joining"
                self.gateway.join(self, room, self.position.get(room), self.bucket, self.epoch)

    def pong(self):
        """A mark: P~W, the larger number for each logic that the mark names."""
        w, mark = self.world, self.bucket.mark
        names, _ = self.gateway.named()
        for room, state in self.state.items():
            if (state != "in" and w.has("replay")) or room not in self.position:
                continue
            if state == "gap" and w.has("dropped"):
                continue
            own = self.position[room]
            parts = {} if w.has("8") else dict(own.parts)
            for logic in names:
                if logic in mark:
                    parts[logic] = max((mark[logic], 0), own.parts.get(logic, (0, 0)))
            for logic, part in own.parts.items():
                if logic not in parts and w.now - own.at <= w.o.max_age / 2:
                    parts[logic] = part
            self.position[room] = Position(w.now, parts, own.cut)
            if state == "in":
                self.judge(room)

    def judge(self, room):
        """Everything between the span's beginning and the position was had: once, in the order of each logic."""
        begin, since = self.begin[room]
        position, had = self.position[room], self.had[room]
        for logic in {item.logic for item in had} | set(position.parts):
            got = [(item.number, item.index) for item in had if item.logic == logic]
            if sorted(set(got)) != got:
                raise Found(f"room {room} logic {logic}: twice or out of order: {got}")
            owed = [(item.number, item.index) for item in self.world.truth[room]
                    if item.logic == logic and position.covers(logic, item.number, item.index)
                    and not begin.covers(logic, item.number, item.index)
                    and (logic in begin.parts or item.at > since)]
            missing = [each for each in owed if each not in set(got)]
            if missing:
                raise Found(f"room {room} logic {logic}: lost {missing}, of position {position.parts.get(logic)}, "
                            f"had since {begin.parts.get(logic)}: {got}")


def build(world):
    world.gateways = [Gateway(world) for _ in range(3)]
    for _ in range(2):
        add_logic(world)


def add_logic(world):
    logic = Logic(world)
    world.logics.append(logic)
    for gateway in world.gateways:
        gateway.links[logic.id] = Link(logic, gateway)
        if world.r.random() < .7:                                     # else a late hello
            gateway.links[logic.id].come_up()


def end_logic(world, drains):
    logic = world.r.choice(world.logics)
    world.logics.remove(logic)
    for gateway in world.gateways:
        link = gateway.links.pop(logic.id)
        if drains:
            link.up or link.come_up()
            link.bring(len(link.queue))
    if drains:
        world.finals[logic.id] = (logic.number, world.now)
    add_logic(world)


def restart_gateway(world, index):
    old = world.gateways[index]
    for client in world.clients:
        if client.gateway is old:
            client.leave()
    new = Gateway(world)
    for logic, (number, at) in world.finals.items():
        if world.now - at <= world.o.token:
            new.applied[logic] = new.whole[logic] = number
            new.heard[logic] = at
    world.gateways[index] = new
    for logic in world.logics:
        new.links[logic.id] = Link(logic, new)
        if world.r.random() < .8:
            new.links[logic.id].come_up()


def step(world):
    r, x = world.r, world.r.random()
    world.now += r.choice([0, 0, 1, 1, 2]) if not world.o.mild else r.random() < .15
    gateway = r.choice(world.gateways)
    gateway.retry()
    if x < .25:
        r.choice(world.logics).push()
    elif x < .47:
        link = gateway.links[r.choice(world.logics).id]
        link.bring(r.randrange(1, 4)) if link.up else link.come_up()
    elif x < .57:
        if gateway.open:
            gateway.seal(r.choice(list(gateway.open)))
    elif x < .80:
        for _ in range(r.randrange(1, 6)):
            r.choice(gateway.buckets).work()
    elif x < .90:
        client = r.choice(world.clients)
        if client.gateway is None or r.random() < .4:
            client.connect(gateway)
        else:
            client.heal()
    elif x < .96:
        client = r.choice(world.clients)
        if client.gateway is not None:
            client.pong()
    elif x < (.967 if not world.o.mild else .961):
        restart_gateway(world, world.gateways.index(gateway))
    elif x < (.975 if not world.o.mild else .962):
        end_logic(world, r.random() < .5)
    elif x < (.985 if not world.o.mild else .963):                    # the link's queue is given up in part
        link = gateway.links[r.choice(world.logics).id]
        del link.queue[:r.randrange(len(link.queue) + 1)]
        link.up = False


def settle(world):
    """Everything that is under way arrives: whoever is in a room then has all of it."""
    for gateway in world.gateways:
        for logic in world.logics:
            link = gateway.links[logic.id]
            link.up or link.come_up()
            link.bring(len(link.queue))
        world.now += world.o.wait
        gateway.retry()
        for room in list(gateway.open):
            gateway.seal(room)
        for bucket in gateway.buckets:
            while bucket.mail or any(bucket.queues.values()):
                bucket.work()
    for client in world.clients:
        if client.gateway is None:
            continue
        client.pong()
        stuck = [room for room, state in client.state.items() if state == "joining"]
        if stuck:
            raise Found(f"a JOIN of {stuck} was never answered")


def run(seed, steps, options, without):
    world = World(seed, options, without)
    build(world)
    world.clients = [Client(world) for _ in range(6)]
    for _ in range(steps):
        step(world)
    settle(world)
    return world.stats


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--mild", action="store_true", help="long memories: how often is a gap needless")
    parser.add_argument("--without", action="append", default=[], choices=RULES, help="leave this rule out")
    parser.add_argument("--list", action="store_true", help="the rules")
    return parser.parse_args()


def main():
    options = arguments()
    if options.list:
        print("\n".join(f"{name:8} {text}" for name, text in RULES.items()))
        return 0
    total = collections.Counter()
    for seed in range(options.first, options.first + options.seeds):
        try:
            total += run(seed, options.steps, Options(options.mild), set(options.without))
        except Found as found:
            print(f"seed {seed}: {found}")
            return 1
    print(f"{options.seeds} seeds of {options.steps} steps: " + ", ".join(f"{k} {n}" for k, n in sorted(total.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
