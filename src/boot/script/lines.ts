import type { IpxeCommand, IpxeLine, IpxeScript } from '../../protocols/ipxe/script.ts'
import type { Text } from '../../protocols/ipxe/text.ts'
import { BOOT_PATHS } from '../paths.ts'
import { QUERY, type ScriptRequest } from './request.ts'

/** How long a report to the server may take before the boot goes on without it. */
const REPORT_MS = 3000
const FAILED = { goto: 'failed' } as const

/** The choices of menus that lead to a boot, and what proves that their passwords were typed. */
export type Chosen = Readonly<{ choices: readonly string[]; passes: readonly string[] }>

export function echo(text: Text = ''): IpxeLine {
  return { run: [{ do: 'echo', text }] }
}

/** A step that may fail: the screen and the report then name it. */
export function step(name: string, ...run: readonly IpxeCommand[]): IpxeLine[] {
  return [{ run: [{ do: 'set', setting: 'step', value: name }] }, { run, otherwise: FAILED }]
}

/** The URL of the script for the machine that asked, to ask again. It says no more than is needed: the rest is recorded. */
export function scriptUrl(
  request: ScriptRequest,
  { choices, passes }: Chosen = { choices: [], passes: [] },
  counts: { polls?: number; retries?: number } = {},
): string {
  const pairs = [
    [QUERY.mac, request.mac],
    [QUERY.platform, request.firmware === 'uefi' ? 'efi' : 'pcbios'],
    ...choices.map((choice) => [QUERY.choice, choice]),
    ...passes.map((pass) => [QUERY.pass, pass]),
    ...Object.entries(counts).map(([name, count]) => [QUERY[name as keyof typeof counts], String(count)]),
  ]
  return `${request.base}${BOOT_PATHS.script}?${pairs.map(([name, value]) => `${name}=${value}`).join('&')}`
}

/**
 * Tells the server that control passes now. Three tries, because a next boot that is not reported is booted again; then the
 * boot goes on all the same.
 */
export function reportLaunch(base: string, boot: string): IpxeScript {
  const report: IpxeLine = {
    run: [
      { do: 'fetch', name: 'launch', url: `${base}${BOOT_PATHS.mark(boot, 'launch')}`, timeoutMs: REPORT_MS },
      { do: 'free', name: 'launch' },
      { do: 'goto', label: 'launch' },
    ],
    otherwise: 'next',
  }
  const pause: IpxeLine = { run: [{ do: 'sleep', seconds: 2 }], otherwise: 'next' }
  return [report, pause, report, pause, report, { label: 'launch' }]
}

/** The part behind the label `failed`: says what failed, reports it, lets go of disks, and asks for a script again for ever. */
export function onFailure(
  request: ScriptRequest,
  boot: string,
  chosen?: Chosen | undefined,
  letGo: IpxeScript = [],
): IpxeScript {
  const report: Text = [
    `${request.base}${BOOT_PATHS.mark(boot, 'failed')}?step=`,
    { setting: 'step' },
    '&error=',
    { setting: 'errno' },
  ]
  // A choice that keeps failing goes back to its menu, where somebody can choose again and the default comes up by itself.
  const retries = request.retries + 1
  const goOn = retries <= 3 ? chosen : chosen && { ...chosen, choices: chosen.choices.slice(0, -1) }
  const again = scriptUrl(request, goOn, { retries })
  return [
    { label: 'failed' },
    echo(),
    echo(['Reveille: the step ', { setting: 'step' }, ' failed, error ', { setting: 'errno' }]),
    {
      run: [
        { do: 'fetch', name: 'report', url: report, timeoutMs: REPORT_MS },
        { do: 'free', name: 'report' },
      ],
      otherwise: 'next',
    },
    ...letGo,
    ...askAgain(again, backOffSeconds(request.retries)),
  ]
}

/** What was typed must not be taken for a login to a disk, nor stand in the form the next time. */
export function forgetTyped(): IpxeScript {
  return [
    { run: [{ do: 'clear', setting: 'username' }], otherwise: 'next' },
    { run: [{ do: 'clear', setting: 'password' }], otherwise: 'next' },
  ]
}

/** Waits, then runs the script at a URL; while the server does not answer, tries again after 5, 10, 20, 30, 30, ... seconds. */
export function askAgain(url: Text, seconds: number, waiting = 'Trying again'): IpxeScript {
  const wait = (time: number): IpxeLine[] => [
    echo(`${waiting} in ${time} s`),
    { run: [{ do: 'sleep', seconds: time }], otherwise: 'next' },
  ]
  const ask: IpxeLine = { run: [{ do: 'chain', url }], otherwise: 'next' }
  const later = [5, 10, 20].filter((time) => time > seconds).flatMap((time) => [...wait(time), ask])
  return [
    ...wait(seconds),
    ask,
    ...later,
    { label: 'later' },
    ...wait(30),
    { run: [{ do: 'chain', url }], otherwise: { goto: 'later' } },
  ]
}

/** Seconds to wait when it was in vain this many times before. */
export function backOffSeconds(times: number): number {
  return [5, 10, 20][times] ?? 30
}
