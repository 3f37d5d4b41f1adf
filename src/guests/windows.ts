import type { GuestFacts, GuestUser } from './guest.ts'
import { field, linesOf, sections } from './words.ts'

/**
 * What is asked of Windows through its OpenSSH server, and how its answers are read. Its login shell may be cmd or PowerShell: programs
 * are given as `powershell -EncodedCommand`, which both take. Written from Microsoft's documentation; not tried on a real Windows.
 */

const MOST_USERS = 200
const MOST_ADDRESSES = 64

/** `utf16Base64`: encodes the script as PowerShell wants it; the pure part does not know how. */
export function powershell(script: string, utf16Base64: (text: string) => string): string {
  return `powershell -NoProfile -NonInteractive -EncodedCommand ${utf16Base64(script)}`
}

/** Everything in UTF-8, and no progress bars. */
const PREAMBLE = `$ErrorActionPreference='Stop';$ProgressPreference='SilentlyContinue';[Console]::OutputEncoding=[Text.Encoding]::UTF8`

export const WINDOWS_FACTS = `${PREAMBLE}
$os = Get-CimInstance Win32_OperatingSystem
'== hostname'; [Net.Dns]::GetHostName()
'== os'; $os.Caption
'== kernel'; 'Windows ' + $os.Version
'== uptime'; [int64]((Get-Date) - $os.LastBootUpTime).TotalSeconds
'== addresses'; Get-NetIPAddress | Where-Object { $_.InterfaceAlias -notlike 'Loopback*' } | ForEach-Object { $_.IPAddress }
$ErrorActionPreference='Continue'
'== quser'; quser 2>$null
'== accounts'; net user
exit 0`

/** Reads name and password as two lines of Base64 (UTF-8): neither is on a command line, and no code page changes them. */
export const WINDOWS_SET_PASSWORD = `${PREAMBLE}
$u = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String([Console]::In.ReadLine()))
$p = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String([Console]::In.ReadLine()))
Set-LocalUser -Name $u -Password (ConvertTo-SecureString $p -AsPlainText -Force)
exit 0`

/** `shutdown` returns once the order is taken; two seconds let its answer out. */
export function windowsReboot(powerOff: boolean): string {
  return `shutdown ${powerOff ? '/s' : '/r'} /f /t 2`
}

export function parseWindowsFacts(text: string): GuestFacts {
  const parts = sections(text)
  const first = (name: string) => field(parts.get(name)?.find((line) => line.trim() !== ''))
  const uptime = Number(first('uptime'))
  return {
    hostname: first('hostname'),
    os: first('os').replace(/^Microsoft /, ''),
    kernel: first('kernel'),
    uptimeSeconds: Number.isSafeInteger(uptime) && uptime >= 0 ? uptime : 0,
    addresses: (parts.get('addresses') ?? [])
      .map((line) => line.trim().replace(/%.*$/, ''))
      .filter((word) => /^(\d{1,3}(\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:.]+)$/i.test(word))
      .slice(0, MOST_ADDRESSES),
    users: parseQuser(parts.get('quser') ?? []),
  }
}

/** The accounts in an answer to `WINDOWS_FACTS`. */
export function windowsAccounts(text: string): string[] {
  return parseNetUser(sections(text).get('accounts') ?? [])
}

/**
 * Lines of `quser`: a mark for the own session, the user in 22 columns, the session (none when disconnected), its number, state, idle
 * time, time of logon. Words depend on the language, columns do not; the first line is a heading.
 */
export function parseQuser(lines: readonly string[]): GuestUser[] {
  const users: GuestUser[] = []
  for (const line of lines) {
    const match = /^[ >](.{22})(.{0,18}?)\s+(\d{1,6})\s+(\S+)\s+(\S+)\s+(\S.*)$/.exec(line)
    const name = field(match?.[1], 64)
    if (!match || name === '') continue
    users.push({ name, terminal: field(match[2], 64), from: '', since: field(match[6], 64) })
  }
  return users.slice(0, MOST_USERS)
}

/** Lines of `net user`: a heading, a rule of hyphens, names in columns of 25, and a closing sentence. */
export function parseNetUser(lines: readonly string[]): string[] {
  const rule = lines.findIndex((line) => /^-{20,}\s*$/.test(line))
  if (rule === -1) return []
  const body = lines.slice(rule + 1).filter((line) => line.trim() !== '')
  // The last line is the sentence that the command completed.
  const names = body
    .slice(0, -1)
    .flatMap((line) => Array.from({ length: Math.ceil(line.length / 25) }, (_, i) => line.slice(i * 25, i * 25 + 25)))
  return names
    .map((name) => field(name, 64))
    .filter((name) => name !== '')
    .slice(0, MOST_USERS)
}

/** Names of local accounts: at most 20 characters, none of those that Windows forbids. */
export const WINDOWS_USER = /^[^"/\\[\]:;|=,+*?<>@\p{Cc}]{1,20}$/u

/** The first line of what PowerShell complains about. */
export function complaint(stderr: string): string {
  const plain = stderr
    .replace(/#< CLIXML/g, '')
    .replace(/<[^>]{1,200}>/g, ' ')
    .replace(/_x000[AD]_/g, '\n')
  return field(linesOf(plain).find((line) => line.trim() !== ''))
}
