/** The lab VM as a proof looks at it and acts on it, behind the back of the clients that are to be proven. */
import type { Connection } from '../../src/target/connection.ts';
import { NOTES } from '../../src/target/supervisor.ts';
import * as lab from '../lab/lab.ts';
import { connectToLab, raw } from '../vm/connect.ts';
import { until } from '../vm/target.ts';

/** The pool of the proofs, mounted at /zprove, and the file that it is on. */
export const POOL = 'zprove';
const POOL_FILE = `/dev/shm/${POOL}`;
/** Where the ids of the workload's session are, and since when files are new. */
const WORK_FILE = '/run/zscope-lab/prove-work';
const STAMP = '/run/zscope-lab/prove-stamp';

/** A pool, a full disk and a look at all files take their time where the processor is emulated beside other work. */
const ASK_MS = 300_000;

/** An emulated boot beside other work. */
const BOOT_MS = 900_000;

/** Names of processes that a collector or its supervisor may have, and of those that bring them there. */
const OURS =
  /^(?:sh|dash|bash|zscope|sleep|cat|awk|mawk|gawk|dd|gzip|xz|tr|od|head|tail|sort|timeout|setsid|sudo|su|doas|sshd-.*)$/;

/**
 * A line for each thing that could be of ours: instances, probes, settings of tracing, notes, processes. Not the one that
 * looks, nor what has brought it there.
 */
const LOOK = `cd /sys/kernel/tracing
for f in instances/*; do [ ! -d "$f" ] || echo "$f"; done
for f in kprobe_events uprobe_events synthetic_events dynamic_events; do
  [ ! -e $f ] || sed "s,^,$f ," $f
done
for f in tracing_on current_tracer set_event trace_clock trace_options buffer_size_kb; do
  echo "$f" $(cat $f)
done
sed 's,^[0-9a-f]* *,kprobe ,' /sys/kernel/debug/kprobes/list
for f in ${NOTES}/*; do [ ! -e "$f" ] || echo "file $f"; done
read -r own </proc/self/stat
set -- \${own##*) }
own=$4 parent=$2 work= ways=
while [ $parent -gt 1 ]; do
  ways="$ways $parent "
  read -r line </proc/$parent/stat
  set -- \${line##*) }
  parent=$2
done
[ ! -e ${WORK_FILE} ] || read -r work <${WORK_FILE}
for p in /proc/[0-9]*; do
  { read -r line <$p/stat; } 2>/dev/null || continue
  name=\${line#*(}
  set -- \${line##*) }
  case $ways in *" \${p#/proc/} "*) continue ;; esac
  [ "$2" != 2 ] && [ "$4" != "$own" ] && [ "$4" != "$work" ] && [ "$1" != Z ] || continue
  echo "process \${p#/proc/} \${20} \${name%)*}"
done`;

/** Folders whose files others write all the time. */
const NOISY = [
  '/proc',
  '/sys',
  '/var/log',
  '/run/log',
  '/run/systemd',
  '/run/udev',
  '/run/zscope-lab',
  '/run/sudo',
  '/run/lock',
  '/run/motd*',
  '/var/lib/systemd',
  '/var/lib/wtmpdb',
  '/var/lib/sudo',
  '/var/tmp/systemd-private*',
  '/tmp/systemd-private*',
  '/etc/zfs',
  `/${POOL}`,
  POOL_FILE,
];

/** Nothing that is done to the VM for a while is to end the connection that looks at it. */
async function observe(): Promise<Connection> {
  return await connectToLab(await lab.requireUp(), { deadAfterMs: 600_000 });
}

export class Guest {
  #observer: Connection | null = null;
  #before: ReadonlySet<string> = new Set();

  /** Boots the VM if need be, makes the pool, starts its workload and looks at what is there. */
  static async open(): Promise<Guest> {
    const guest = new Guest();
    await guest.begin();
    return guest;
  }

  /** Anew, after a boot: everything that ran there is gone. */
  async begin(): Promise<void> {
    this.#observer?.dispose();
    await lab.ensureUp();
    await this.reconnect();
    await this.ask('mkdir -p /run/zscope-lab');
    await this.startWork();
    await this.ask(`: >${STAMP}`);
    // A window that connects again by itself may have been quicker.
    this.#before = new Set((await this.look()).filter((line) => !line.includes('zscope')));
  }

  get observer(): Connection {
    if (this.#observer === null) throw new Error('the VM is not looked at yet');
    return this.#observer;
  }

  ask(script: string): Promise<string> {
    return this.observer.run(raw('look', script, ASK_MS), null);
  }

  /** A pool, and a process that looks up, writes and syncs in it some ten times a second until it is ended. */
  async startWork(): Promise<void> {
    await this.ask(
      `zpool list -H -o name ${POOL} >/dev/null 2>&1 || {
        # What was written there when the pool was gone is on the disk, in the way of the next one.
        rm -rf /${POOL} ${POOL_FILE}; truncate -s 128M ${POOL_FILE} &&
        zpool create -f -o cachefile=none ${POOL} ${POOL_FILE}; } || exit 1
      # That of a proof which was killed.
      { read -r id && kill -KILL -$id; } <${WORK_FILE} 2>/dev/null
      rm -f ${WORK_FILE}
      setsid sh -c 'echo $$ >${WORK_FILE}
        while :; do [ -d /${POOL}/none ]; echo x >/${POOL}/f; sync /${POOL}/f; sleep 0.05; done' \\
        </dev/null >/dev/null 2>&1 &
      while [ ! -s ${WORK_FILE} ]; do sleep 0.1; done`,
    );
  }

  /** Ends the workload and the pool, so that nothing uses ZFS. */
  async stopWork(): Promise<void> {
    await this.ask(`read -r id <${WORK_FILE} && kill -KILL -$id; rm -f ${WORK_FILE}
      tries=0
      while ! zpool destroy -f ${POOL}; do tries=$((tries + 1)); [ $tries -lt 20 ] || exit 1; sleep 0.5; done
      rm -f ${POOL_FILE}`);
  }

  /** What is there now that could be of ours. */
  async look(): Promise<string[]> {
    return (await this.ask(LOOK)).split('\n').filter(Boolean);
  }

  /** What was not there before any client came. @param but lines that do not count */
  async rests(but?: RegExp): Promise<string[]> {
    return (await this.look()).filter((line) => {
      if (this.#before.has(line) || but?.test(line) === true) return false;
      const name = /^process \d+ \d+ (.*)$/.exec(line)?.[1];
      return name === undefined || OURS.test(name);
    });
  }

  /**
   * Waits until nothing is there any more that was not there before.
   * @returns how long that took, in milliseconds; what is left when it takes longer than the limit
   */
  async untilClean(
    limitMs: number,
    but?: RegExp,
  ): Promise<{ readonly tookMs: number; readonly rests: readonly string[] }> {
    const began = performance.now();
    for (;;) {
      const rests = await this.rests(but);
      const tookMs = Math.round(performance.now() - began);
      if (rests.length === 0) return { tookMs, rests };
      if (tookMs > limitMs) return { tookMs, rests: await this.described(rests) };
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }

  /** The same lines, those of processes with what they run, where in the kernel they wait, and their children. */
  async described(lines: readonly string[]): Promise<string[]> {
    const text = await this.ask(
      `for p in ${lines.map((line) => /^process (\d+) /.exec(line)?.[1] ?? '').join(' ')}; do
        [ -d /proc/$p ] || continue
        read -r wait </proc/$p/wchan
        echo "$p: $(tr '\\0' ' ' </proc/$p/cmdline) in $wait, children: $(cat /proc/$p/task/*/children)"
      done; true`,
    );
    const about = new Map(
      text.split('\n').map((line) => [line.split(':', 1)[0] ?? '', line.replace(/^\d+: /, '')]),
    );
    return lines.map((line) => {
      const [, pid = '', name = ''] = /^process (\d+) \d+ (.*)$/.exec(line) ?? [];
      return pid === ''
        ? line
        : `process ${name} (${about.get(pid)?.replaceAll(/\s+/g, ' ').trim() ?? 'gone by now'})`;
    });
  }

  /** Files that are newer than the beginning, but for those that the system itself writes. */
  async newFiles(): Promise<string[]> {
    const prune = NOISY.map((path) => `-path '${path}'`).join(' -o ');
    // All that is mounted but for the pool: what is in memory counts as well.
    const text = await this.ask(
      `[ -e ${STAMP} ] || exit 1
      find / /run /tmp /dev/shm -xdev \\( ${prune} \\) -prune -o -type f -newer ${STAMP} -print 2>/dev/null; true`,
    );
    return [...new Set(text.split('\n').filter(Boolean))];
  }

  /** Connects anew to the same boot, where what is looked for is the same. */
  async reconnect(): Promise<void> {
    this.#observer?.dispose();
    this.#observer = await until('sshd lets us in', BOOT_MS, () => observe().catch(() => undefined));
  }

  /**
   * Has the kernel do what a key of the magic SysRq does (Documentation/admin-guide/sysrq.rst), a moment after the answer:
   * `b` boots it anew at once, `c` has it panic.
   */
  async sysrq(key: 'b' | 'c'): Promise<void> {
    await this.ask(`setsid sh -c 'sleep 0.3; echo ${key} >/proc/sysrq-trigger' </dev/null >/dev/null 2>&1 &`);
  }

  /** Waits for a boot other than this one, and begins anew in it. */
  async afterReboot(bootId: string): Promise<void> {
    this.#observer?.dispose();
    this.#observer = null;
    await until('the VM is up again', BOOT_MS, async () => {
      try {
        const { stdout } = await lab.exec('cat /proc/sys/kernel/random/boot_id', { timeoutMs: 30_000 });
        return stdout.trim() !== '' && stdout.trim() !== bootId ? true : undefined;
      } catch {
        return undefined;
      }
    });
    await this.begin();
  }

  async close(): Promise<void> {
    // What went wrong before is not to be hidden by what cannot be tidied after it.
    if (this.#observer === null) return;
    await this.ask(`read -r id <${WORK_FILE} && kill -KILL -$id; rm -f ${WORK_FILE} ${STAMP}
      zpool destroy -f ${POOL}; rm -f ${POOL_FILE}; true`).catch(() => {});
    this.#observer.dispose();
  }
}
