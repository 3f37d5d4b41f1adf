import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { CaseResult } from './vm.ts'

/** Runs in the virtual machine, as root; again after each of its restarts, from the phase that `/share/phase` names. */

const PATIENCE_MS = 600_000
const DATA = '/var/lib/reveille'
const SETTINGS = '/etc/reveille/reveille.yaml'
const ADDRESS = '10.97.0.1'
const OWN_BMC = '10.97.0.23'
/** NET_BIND_SERVICE, NET_ADMIN and NET_RAW (linux/capability.h). */
const THREE = (1n << 10n) | (1n << 12n) | (1n << 13n)

/** What a shell says to these words; throws with all of it when it fails. */
function sh(words: string): string {
  try {
    return execFileSync('sh', ['-c', words], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: PATIENCE_MS,
    })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`${words}\n${stdout}${stderr}`)
  }
}

/** The same, where a failure is what is looked for. */
function said(words: string): string {
  return sh(`{ ${words}; } 2>&1 || true`)
}

function expect(what: unknown, why: string): asserts what {
  if (!what) throw new Error(why)
}

/** Waits until `look` finds something; a failure of it counts as not yet. */
async function until<T>(what: string, look: () => T | undefined | false): Promise<T> {
  const end = Date.now() + PATIENCE_MS
  let last = ''
  for (;;) {
    try {
      const found = look()
      if (found !== undefined && found !== false) return found
    } catch (error) {
      last = String(error)
    }
    if (Date.now() > end) throw new Error(`waited in vain until ${what}\n${last}`)
    await delay(500)
  }
}

const unit = (property: string) => sh(`systemctl show reveille -P ${property}`).trim()
const journal = (more = '') => said(`journalctl -u reveille --no-pager -q ${more}`)
const inWire = (words: string) => sh(`ip netns exec wire ${words}`)

/** Waits until systemd calls it active and the command gets an answer. Returned is its process. */
async function isServing(): Promise<number> {
  await until('the service is active', () => unit('ActiveState') === 'active' && sh('reveille status --json'))
  return Number(unit('MainPID'))
}

/** Waits until another process than `old` serves. */
async function servesAgain(old: number): Promise<number> {
  await until('another process has its place', () => ![0, old].includes(Number(unit('MainPID'))))
  return isServing()
}

const machines = () => sh('reveille machine list')
const states = () =>
  (JSON.parse(sh('reveille status --json')) as { listeners: { service: string; state: string }[] }).listeners

/** What a client without an address is told: the answer is a frame that the server makes itself. */
function leaseOf(): string {
  said('ip -n wire addr del 10.97.0.2/24 dev eth0')
  try {
    return inWire('busybox udhcpc -i eth0 -n -q -f -t 30 -s /bin/true 2>&1')
  } finally {
    inWire('ip addr add 10.97.0.2/24 dev eth0')
  }
}

const bmcSays = () =>
  inWire(`ipmitool -I lanplus -C 17 -H ${OWN_BMC} -U admin -P "$(cat /root/bmc-password)" mc info 2>&1`)

type Cases = readonly (readonly [name: string, run: () => unknown])[]

const FIRST: Cases = [
  [
    'is installed and runs at once, as its user, with three capabilities',
    async () => {
      sh('dpkg -i /share/reveille.deb')
      const pid = await isServing()
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1]
      expect(field('Uid') === sh('id -u reveille').trim(), status)
      for (const set of ['CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) expect(BigInt(`0x${field(set)}`) === THREE, status)
      expect(field('NoNewPrivs') === '1' && field('Seccomp') === '2', status)
      expect(unit('StatusText') === 'machines are answered', unit('StatusText'))
      expect(unit('UnitFileState') === 'enabled', unit('UnitFileState'))
    },
  ],
  [
    'answers machines: DHCP, TFTP, HTTP and disks',
    async () => {
      writeFileSync(SETTINGS, 'controlGroup: reveille\ndhcp: { mode: server, interfaces: [eth1] }\n')
      sh('systemctl restart reveille')
      await isServing()
      expect(!states().some(({ state }) => state === 'failed'), JSON.stringify(states()))
      sh('reveille machine add first --mac 52:54:00:97:00:02')
      const lease = leaseOf()
      expect(/lease of 10\.97\.0\.\d+ obtained/.test(lease), lease)
      inWire(`busybox tftp -g -r undionly.kpxe -l /tmp/loaded ${ADDRESS}`)
      sh('cmp /tmp/loaded /usr/lib/ipxe/undionly.kpxe')
      const script = inWire(`busybox wget -q -O - http://${ADDRESS}:8080/boot/start.ipxe`)
      expect(script.startsWith('#!ipxe'), script)
      sh('reveille volume create work --size 64M')
      const url = /iscsi:\/\/\S+/.exec(sh('reveille volume export work'))?.[0]
      expect(url !== undefined, 'no URL')
      const place = url.replace(/\/\/[^:/]+/, `//${ADDRESS}`)
      expect(inWire(`iscsi-inq ${place}`).includes('Vendor'), place)
    },
  ],
  [
    'answers IPMI on port 623 of an address of its own',
    async () => {
      const made = JSON.parse(sh(`reveille bmc add first --address ${OWN_BMC} --json`)) as { password: string }
      writeFileSync('/root/bmc-password', made.password)
      await until('the BMC answers', () => bmcSays().includes('IPMI Version'))
    },
  ],
  [
    'obeys members of its group without a password, and nobody else',
    () => {
      sh('useradd -m -G reveille helper && useradd -m stranger')
      const as = (user: string) => said(`setpriv --reuid ${user} --regid ${user} --init-groups reveille machine list`)
      expect(as('helper').includes('first'), as('helper'))
      const refused = as('stranger')
      expect(!refused.includes('first') && /group reveille/.test(refused), refused)
    },
  ],
  [
    'logs for journalctl: sentences with levels, and no password',
    () => {
      const text = journal('-o cat')
      expect(text.includes('Reveille is ready'), text)
      expect(!text.includes('{"'), text)
      const first = readFileSync(`${DATA}/admin-password`, 'utf8').trim()
      expect(!text.includes(first) && text.includes('admin-password'), text)
      sh('reveille volume kick nobody || true')
      expect(journal('-o json').includes('"PRIORITY":"6"'), journal('-o json').slice(0, 2000))
    },
  ],
  [
    'the doctor finds nothing that fails',
    () => {
      const found = said('reveille doctor')
      console.log(found)
      expect(!/^failed/m.test(found), found)
    },
  ],
  [
    'a backup of the running service is taken back as the manual says',
    async () => {
      sh('mkdir -p /srv/backup && reveille backup /srv/backup/all.tar.zst')
      sh('reveille machine add second --mac 52:54:00:97:00:03')
      const old = Number(unit('MainPID'))
      sh('systemctl stop reveille && reveille restore /srv/backup/all.tar.zst --force && systemctl start reveille')
      await servesAgain(old)
      expect(machines().includes('first') && !machines().includes('second'), machines())
      const strange = sh(`find ${DATA} ! -user reveille`).trim()
      expect(strange === '', strange)
    },
  ],
  [
    'who kills it brings it back, however often',
    async () => {
      let pid = await isServing()
      // More often than systemd allows in two minutes where nothing else is said.
      for (let i = 0; i < 7; i++) {
        process.kill(pid, 'SIGKILL')
        pid = await servesAgain(pid)
      }
      expect(machines().includes('first'), machines())
    },
  ],
  [
    'when it stands still systemd ends it and starts it again',
    async () => {
      const pid = await isServing()
      process.kill(pid, 'SIGSTOP')
      await servesAgain(pid)
      expect(journal().includes('Watchdog timeout'), journal('-n 40'))
      await until('the old process is gone', () => !existsSync(`/proc/${pid}`))
      expect(machines().includes('first'), machines())
    },
  ],
  [
    'an interface and an address that come late are waited for',
    async () => {
      sh('ip link del eth1')
      sh('systemctl restart reveille')
      await isServing()
      await until('it says what it waits for', () => journal('-n 30 -o cat').includes('waiting for the interface'))
      sh('ip netns del wire; /usr/local/sbin/wires')
      await until('it answers DHCP', () => leaseOf().includes('obtained'))
      await until('it answers for the BMC', () => bmcSays().includes('IPMI Version'))
    },
  ],
  [
    'settings that are wrong are named in the journal, and right ones taken by the next try',
    async () => {
      const right = readFileSync(SETTINGS, 'utf8')
      writeFileSync(SETTINGS, 'dhcp: { mode: sometimes }\n')
      said('systemctl restart reveille')
      await until('the journal names the place', () => /reveille\.yaml:1:\d+/.test(journal('-n 30 -o cat')))
      writeFileSync(SETTINGS, right)
      await isServing()
    },
  ],
  [
    'stops in time, leaves no process, and starts again',
    async () => {
      sh('systemctl stop reveille')
      expect(unit('Result') === 'success', unit('Result'))
      const left = said('pgrep -u reveille -a').trim()
      expect(left === '', left)
      sh('systemctl start reveille')
      await isServing()
    },
  ],
  [
    'an upgrade keeps it serving what it knew',
    async () => {
      const old = await isServing()
      const output = sh('dpkg -i /share/later.deb 2>&1')
      await servesAgain(old)
      expect(sh("dpkg-query -W -f '$" + "{Version}' reveille") === '99.0', output)
      expect(readFileSync(SETTINGS, 'utf8').includes('interfaces: [eth1]'), 'settings are gone')
      expect(machines().includes('first') && sh('reveille volume list').includes('work'), machines())
    },
  ],
]

/** After an orderly restart, and after one as from a power cut. */
const AGAIN: Cases = [
  [
    'is back after the computer starts again, with all it knew',
    async () => {
      await isServing()
      expect(!states().some(({ state }) => state === 'failed'), JSON.stringify(states()))
      expect(machines().includes('first') && sh('reveille volume list').includes('work'), machines())
      expect(
        inWire(`ipmitool -I lanplus -C 17 -H ${OWN_BMC} -U nobody -P no mc info 2>&1 || true`).includes('Error'),
        '',
      )
    },
  ],
]

const LAST: Cases = [
  ...AGAIN,
  [
    'is removed, and its data stays',
    () => {
      sh('dpkg -r reveille 2>&1')
      expect(said('systemctl is-active reveille').trim() !== 'active', 'it still runs')
      expect(existsSync(`${DATA}/reveille.db`), readdirSync(DATA).join(' '))
    },
  ],
]

const PHASES: Readonly<Record<string, readonly [cases: Cases, end: string]>> = {
  first: [FIRST, 'echo restarted >/share/phase; sync; systemctl reboot'],
  restarted: [AGAIN, 'echo cut >/share/phase; sync /share/phase; echo b >/proc/sysrq-trigger'],
  cut: [LAST, 'echo done >/share/phase; sync; systemctl poweroff'],
}

// It kills, and switches the computer off without a warning: nowhere else.
expect(readFileSync('/etc/hostname', 'utf8') === 'appliance\n', 'not the machine that was made for this')
const phase = existsSync('/share/phase') ? readFileSync('/share/phase', 'utf8').trim() : 'first'
const [cases, end] = PHASES[phase]!
for (const [name, run] of cases) {
  const began = performance.now()
  let error: string | null = null
  try {
    await run()
  } catch (reason) {
    error = `${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}\n${journal('-n 40')}`
  }
  const result: CaseResult = { name: `${phase}: ${name}`, ms: Math.round(performance.now() - began), error }
  appendFileSync('/share/results', `${JSON.stringify(result)}\n`)
}
sh(end)
await delay(PATIENCE_MS)
