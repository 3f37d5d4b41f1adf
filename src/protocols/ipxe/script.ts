import {
  type Expansion,
  encodeExpansion,
  encodeName,
  encodeNumber,
  encodeText,
  encodeUrl,
  type Text,
  UnsafeText,
} from './text.ts'

/**
 * The iPXE commands that our scripts use, as data. All exist in Debian 12's iPXE of January 2019 and in today's.
 * Times are milliseconds, but `sleep` takes seconds as iPXE does.
 */
export type IpxeCommand =
  | Readonly<{ do: 'echo'; text: Text }>
  | Readonly<{ do: 'set'; setting: SetSetting; value: Text }>
  /** Makes a setting what it was without us; fails when it had no value of ours. */
  | Readonly<{ do: 'clear'; setting: SetSetting }>
  /** Succeeds when the setting has a value. */
  | Readonly<{ do: 'isset'; value: Expansion }>
  /** Succeeds on a 64-bit x86 processor (CPUID leaf 0x80000001, edx bit 29). */
  | Readonly<{ do: 'is-64-bit' }>
  | Readonly<{ do: 'sleep'; seconds: number }>
  | Readonly<{ do: 'goto'; label: string }>
  /** Runs a script in place of the running one: nothing piles up however often a machine polls. */
  | Readonly<{ do: 'chain'; url: Text }>
  /** Fetches a file under a name without using it. */
  | Readonly<{ do: 'fetch'; name: string; url: Text; timeoutMs?: number | undefined }>
  /** Forgets a fetched file, or all. What is not forgotten before `boot` becomes part of the initrd. */
  | Readonly<{ do: 'free'; name?: string | undefined }>
  /** Runs a fetched script and returns here. */
  | Readonly<{ do: 'run'; name: string }>
  | Readonly<{ do: 'kernel'; url: Text; args: Text }>
  /** `wrap`: as a file of this name for the kernel of a BIOS boot, as wimboot wants its files; UEFI knows them by `name`. */
  | Readonly<{ do: 'initrd'; name: string; url: Text; wrap?: string | undefined }>
  | Readonly<{ do: 'boot' }>
  /** Boots a BIOS drive (0x80 is the first disk) or a disc image over HTTP. */
  | Readonly<{ do: 'sanboot'; from: Readonly<{ drive: number }> | Readonly<{ url: Text }> }>
  /** Logs in to an iSCSI disk, makes it a drive of the firmware, and describes it to the system in the iBFT. */
  | Readonly<{ do: 'sanhook'; drive: number; disk: IscsiDisk }>
  | Readonly<{ do: 'sanunhook'; drive: number }>
  /** Asks on the screen for a user name and a password, for as long as it takes; fails when somebody presses Escape. */
  | Readonly<{ do: 'login' }>
  /** Back to the firmware; any status but 0 makes UEFI go on with its next boot option. */
  | Readonly<{ do: 'exit'; status: number }>
  | Readonly<{ do: 'menu'; title: Text }>
  | Readonly<{ do: 'item'; name: string; text: Text }>
  /** Shows the menu and puts the chosen name into the setting `choice`; `timeoutMs` 0 waits for ever. */
  | Readonly<{ do: 'choose'; default: string; timeoutMs: number }>

/** The settings that scripts set: three of our own, and what iPXE logs in with and writes into the iBFT. */
export type SetSetting =
  | 'mac'
  | 'arch'
  | 'step'
  | 'initiator-iqn'
  /** Of CHAP; `login` puts what was typed there too. */
  | 'username'
  | 'password'
  /** Of the card that iPXE used last. */
  | 'netX/gateway'

/** A LUN of an iSCSI target, as in RFC 4173, section 5. `host` is an IPv4 address or a DNS name. */
export type IscsiDisk = Readonly<{ host: string; port: number; target: string; lun: number }>

/**
 * One line: a label to jump to, or commands that run while each succeeds. When one fails, `otherwise` says where to go on:
 * at a label, or just with the next line (`next`). Without it a failure ends the script, so it is for commands that cannot fail.
 */
export type IpxeLine =
  | Readonly<{ label: string }>
  | Readonly<{ run: readonly IpxeCommand[]; otherwise?: 'next' | Readonly<{ goto: string }> | undefined }>

/** A script as data, without its first line `#!ipxe`. */
export type IpxeScript = readonly IpxeLine[]

/** Longest script that is written, in characters. */
export const MAX_SCRIPT = 65_536

/** The text of a script. A value that iPXE would read as anything but that value is `UnsafeText`; nothing is ever escaped or cut. */
export function encodeScript(script: IpxeScript): string {
  const labels = new Set(script.flatMap((line) => ('label' in line ? line.label : [])))
  const lines = script.map((line) => encodeLine(line, labels))
  const text = `#!ipxe\n${lines.join('\n')}\n`
  if (text.length > MAX_SCRIPT)
    throw new UnsafeText(`the script has ${text.length} characters, more than ${MAX_SCRIPT}`)
  return text
}

function encodeLine(line: IpxeLine, labels: ReadonlySet<string>): string {
  if ('label' in line) return `:${encodeName(line.label, 'the label')}`
  if (line.run.length === 0) throw new UnsafeText('a line has no command')
  const commands = line.run.map((command) => encodeCommand(command, labels)).join(' && ')
  if (line.otherwise === undefined) return commands
  return line.otherwise === 'next' ? `${commands} ||` : `${commands} || goto ${known(line.otherwise.goto, labels)}`
}

function encodeCommand(command: IpxeCommand, labels: ReadonlySet<string>): string {
  switch (command.do) {
    case 'echo':
      return ['echo', words(command.text, 'the text')].filter((part) => part !== '').join(' ')
    case 'set':
      return `set ${setting(command.setting)} ${encodeText(command.value, 'the value')}`
    case 'clear':
      return `clear ${setting(command.setting)}`
    case 'isset':
      return `isset ${encodeExpansion(command.value)}`
    case 'is-64-bit':
      return 'cpuid --ext 29'
    case 'sleep':
      return `sleep ${encodeNumber(command.seconds, 3600, 'the time')}`
    case 'goto':
      return `goto ${known(command.label, labels)}`
    case 'chain':
      return `chain --replace --autofree ${encodeUrl(command.url, 'the URL')}`
    case 'fetch': {
      const timeout =
        command.timeoutMs === undefined ? '' : `--timeout ${encodeNumber(command.timeoutMs, 3_600_000, 'the time')} `
      return `imgfetch ${timeout}--name ${encodeName(command.name, 'the name')} ${encodeUrl(command.url, 'the URL')}`
    }
    case 'free':
      return command.name === undefined ? 'imgfree' : `imgfree ${encodeName(command.name, 'the name')}`
    case 'run':
      return `imgexec ${encodeName(command.name, 'the name')}`
    case 'kernel':
      return `kernel --name kernel ${encodeUrl(command.url, 'the URL')} ${encodeText(command.args, 'the command line')}`.trimEnd()
    case 'initrd':
      return `initrd --name ${encodeName(command.name, 'the name')} ${encodeUrl(command.url, 'the URL')}${command.wrap === undefined ? '' : ` ${encodeName(command.wrap, 'the name')}`}`
    case 'sanhook':
      return `sanhook --drive 0x${drive(command.drive)} ${encodeIscsi(command.disk)}`
    case 'sanunhook':
      return `sanunhook --drive 0x${drive(command.drive)}`
    case 'login':
      return 'login'
    case 'boot':
      return 'boot'
    case 'sanboot':
      return `sanboot --no-describe ${'drive' in command.from ? `--drive 0x${drive(command.from.drive)}` : encodeUrl(command.from.url, 'the URL')}`
    case 'exit':
      return `exit ${encodeNumber(command.status, 255, 'the status')}`
    case 'menu':
      return `menu ${words(command.title, 'the title')}`.trimEnd()
    case 'item':
      return `item ${encodeName(command.name, 'the item')} ${encodeText(command.text, 'the label')}`.trimEnd()
    case 'choose':
      return `choose --default ${encodeName(command.default, 'the item')} --timeout ${encodeNumber(command.timeoutMs, 3_600_000, 'the time')} choice`
  }
}

/** Text right behind a command, where a leading hyphen would be an option: `--` ends options. */
function words(text: Text, what: string): string {
  const encoded = encodeText(text, what)
  const first = (typeof text === 'string' ? text : text[0]) ?? ''
  return typeof first !== 'string' || encoded.trimStart().startsWith('-') ? `-- ${encoded}` : encoded
}

function setting(name: SetSetting): string {
  return name === 'netX/gateway' ? name : encodeName(name, 'the setting')
}

/** `iscsi:SERVER:PROTOCOL:PORT:LUN:TARGET` (RFC 4173, section 5); the protocol is left out, for there is only TCP. */
function encodeIscsi({ host, port, target, lun }: IscsiDisk): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/.test(host))
    throw new UnsafeText(`the host ${JSON.stringify(host)} is no IPv4 address and no name`)
  if (target.length > 223 || !/^(iqn\.[0-9]{4}-[0-9]{2}\.|eui\.|naa\.)[a-z0-9.:_-]+$/.test(target))
    throw new UnsafeText(`${JSON.stringify(target)} is no name of a target`)
  if (port === 0) throw new UnsafeText('the port is 0')
  return `iscsi:${host}::${encodeNumber(port, 65_535, 'the port')}:${Number(encodeNumber(lun, 255, 'the LUN')).toString(16)}:${target}`
}

function drive(number: number): string {
  encodeNumber(number, 0xff, 'the drive')
  return number.toString(16)
}

function known(label: string, labels: ReadonlySet<string>): string {
  if (!labels.has(label)) throw new UnsafeText(`there is no label ${JSON.stringify(label)} to go to`)
  return label
}
