import type { GuestFacts, GuestUser } from './guest.ts'
import { field, linesOf, sections } from './words.ts'

/** What is asked of Linux and other Unix systems, and how their answers are read. Scripts go to `sh -s`, whatever the login shell is. */

export const UNIX_FACTS = `
echo '== hostname'; hostname 2>/dev/null || cat /proc/sys/kernel/hostname 2>/dev/null || uname -n
echo '== os'; cat /etc/os-release 2>/dev/null || cat /usr/lib/os-release 2>/dev/null || uname -s
echo '== kernel'; uname -sr
echo '== uptime'; cat /proc/uptime 2>/dev/null
echo '== addresses'; ip -o addr show scope global 2>/dev/null || hostname -I 2>/dev/null
echo '== who'; who 2>/dev/null
echo '== loginctl'; loginctl list-sessions --no-legend --no-pager 2>/dev/null
`

const MOST_USERS = 200
const MOST_ADDRESSES = 64

/** Runs `$@` as root: at once, or through sudo if that asks for no password. */
const AS_ROOT = 'if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi'

/** Reads `USER:PASSWORD` from its input, so that neither is in a list of processes. */
export const UNIX_SET_PASSWORD = `sh -c 'set -- chpasswd; ${AS_ROOT}'`

/** Says `reveille-accepted` when the order is taken: the connection may be gone before a status comes. */
export function unixReboot(powerOff: boolean): string {
  const [systemd, classic] = powerOff ? ['poweroff', '-h'] : ['reboot', '-r']
  const choice = `if [ -d /run/systemd/system ]; then set -- systemctl --no-block ${systemd}; else set -- shutdown ${classic} now; fi`
  return `sh -c '${choice}; { ${AS_ROOT}; } && echo ${ACCEPTED}'`
}

export const ACCEPTED = 'reveille-accepted'

export function parseUnixFacts(text: string): GuestFacts {
  const parts = sections(text)
  const first = (name: string) => field(parts.get(name)?.find((line) => line.trim() !== ''))
  return {
    hostname: first('hostname'),
    os: osName(parts.get('os') ?? []),
    kernel: first('kernel'),
    uptimeSeconds: seconds(first('uptime')),
    addresses: addresses(parts.get('addresses') ?? []),
    users: loggedIn(parseWho(parts.get('who') ?? []), parseLoginctl(parts.get('loginctl') ?? [])),
  }
}

function seconds(uptime: string): number {
  const value = Number.parseFloat(uptime.split(' ')[0] ?? '')
  return Number.isFinite(value) && value >= 0 ? Math.floor(value) : 0
}

/** PRETTY_NAME of os-release(5), else NAME and VERSION_ID; what `uname` said when there is no such file. */
function osName(lines: readonly string[]): string {
  const values = new Map<string, string>()
  for (const line of lines) {
    const match = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(line.trim())
    if (match && !values.has(match[1]!)) values.set(match[1]!, unquoted(match[2]!))
  }
  const name = [values.get('NAME'), values.get('VERSION_ID')].filter((part) => part).join(' ')
  return field(values.get('PRETTY_NAME') || name || lines.find((line) => line.trim() !== ''))
}

/** A value of os-release: shell quotes, and a backslash before `"`, `$`, `\` and the back quote. */
function unquoted(value: string): string {
  const inner = /^"(.*)"$/.exec(value)?.[1] ?? /^'(.*)'$/.exec(value)?.[1] ?? value
  return inner.replace(/\\(["$\\`])/g, '$1')
}

/** Lines of `ip -o addr`, or the words of `hostname -I`. */
function addresses(lines: readonly string[]): string[] {
  const found = new Set<string>()
  for (const line of lines) {
    const told = /\sinet6?\s+([0-9a-f.:]+)/i.exec(line)?.[1]
    for (const word of told ? [told] : line.trim().split(/\s+/))
      if (/^(\d{1,3}(\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:.]+)$/i.test(word)) found.add(word)
  }
  return [...found].slice(0, MOST_ADDRESSES)
}

/** Dates as coreutils print them with and without a language, and as busybox does (idle time before it). */
const WHEN =
  /^(?:(?:\d\d:\d\d|old|\?|\.) +)?(\d{4}-\d\d-\d\d \d\d:\d\d|[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d(?::\d\d)?)\s*(.*)$/

/** Lines of `who`. Lines that do not look like one are left out. */
export function parseWho(lines: readonly string[]): GuestUser[] {
  const users: GuestUser[] = []
  for (const line of lines) {
    const match = /^(\S+) +(\S+) +(.*)$/.exec(line.trimEnd())
    const when = match && WHEN.exec(match[3]!)
    if (!match || !when) continue
    const from = /^\((.*)\)$/.exec(when[2]!.trim())?.[1] ?? when[2]!
    users.push({
      name: field(match[1], 64),
      terminal: field(match[2], 64),
      from: field(from),
      since: field(when[1], 32),
    })
  }
  return users
}

/** Sessions that are no login of a person. */
const NO_LOGINS = new Set(['manager', 'manager-early', 'greeter', 'background', 'background-light', 'lock-screen'])

/** Lines of `loginctl list-sessions --no-legend`: SESSION UID USER [SEAT] [LEADER CLASS] [TTY] ..., with `-` for nothing in newer versions. */
export function parseLoginctl(lines: readonly string[]): GuestUser[] {
  const users: GuestUser[] = []
  for (const line of lines) {
    const [session, uid, name, ...rest] = line.trim().split(/\s+/)
    if (!session || !name || !/^\d{1,10}$/.test(uid ?? '')) continue
    if (rest.some((word) => NO_LOGINS.has(word))) continue
    const terminal = rest.find((word) => /^(tty|pts\/|hvc|console)/.test(word)) ?? ''
    users.push({ name: field(name, 64), terminal: field(terminal, 64), from: '', since: '' })
  }
  return users
}

/** `who` says more; `loginctl` also knows sessions without a terminal, and systems without utmp. */
function loggedIn(who: readonly GuestUser[], sessions: readonly GuestUser[]): GuestUser[] {
  const known = (user: GuestUser) =>
    who.some(({ name, terminal }) => name === user.name && (terminal === user.terminal || user.terminal === ''))
  return [...who, ...sessions.filter((user) => !known(user))].slice(0, MOST_USERS)
}

/** Names as `useradd` takes them. */
export const UNIX_USER = /^[a-z_][a-z0-9_-]{0,31}$/

/** The reason why a program that needed root did not run, for people. */
export function rootProblem(stderr: string, user: string): string | undefined {
  const line = linesOf(stderr).find((text) => text.startsWith('sudo:'))
  if (line === undefined && !/sudo: not found|sudo: command not found/.test(stderr)) return undefined
  return `user ${user} may not act as root there: ${field(line)}`
}
