import { awaitsHome, expectsHome, homePatienceMs, whyNotHome } from './awaited-home.ts'
import { type Cause, detailOf, type Evidence, evidenceOf, isProxyOffer, type OtherServer } from './evidence.ts'
import type { Trace, TraceEvent } from './trace.ts'

const SECOND = 1000

/** How long the next thing may take after an event before the boot counts as stalled; `null`: nothing is awaited. */
export function patienceMs(event: TraceEvent): number | null {
  if (event.stage === 'system') return null
  switch (event.kind) {
    case 'dhcp.discover':
      return (event.outcome === 'ok' ? 20 : 40) * SECOND
    case 'tftp.read':
      return 120 * SECOND
    case 'http.start':
      return 60 * SECOND
    case 'http.script':
      if (event.detail?.decision === 'park') return null
      // A person chooses; the menu's own time-out is at most an hour. GRUB fetches kernels 1 KiB at a time, which is seen when they are through.
      return (event.detail?.decision === 'menu' ? 3660 : event.detail?.by === 'GRUB' ? 300 : 60) * SECOND
    // The next file may be large, and is recorded when it is through.
    case 'http.blob':
      return 300 * SECOND
    case 'mark.launch':
      if (expectsHome(event)) return homePatienceMs(event)
      // Unpacking tens of MB and finding the network card takes slow machines a while.
      return event.detail?.decision === 'agent' ? 180 * SECOND : null
    // iPXE fetches it last; behind it GRUB reads the rest of the management OS, 1 KiB at a time.
    case 'agent.pass':
      return 300 * SECOND
    case 'agent.hello':
    case 'agent.inventory':
    case 'agent.task':
    case 'agent.wait':
    case 'agent.progress':
      return 120 * SECOND
    case 'agent.result':
      return event.detail?.finished === true ? null : 120 * SECOND
    // The script waits longer after each failure.
    case 'mark.failed':
    case 'mark.retry':
      return 180 * SECOND
    // iPXE may wait 13 s for an IPv6 router, and slow machines need time to start it.
    default:
      return 45 * SECOND
  }
}

/** The likeliest reason why the next stage of a boot did not come, from what was seen of it. */
export function likeliestCause(trace: Trace): Cause {
  const e = evidenceOf(trace)
  if (e.failed) return failedStep(e.failed)
  if (e.agentHeard) return silentAgent(e.agentHeard, e.agentTask)
  if (e.agentLaunched) return lostAgent(e)
  if (awaitsHome(trace)) return whyNotHome(trace, CONSOLE)
  if (e.launch) return { text: 'it reported its launch; since then it asked for nothing', next: [CONSOLE] }
  if (e.script) return afterScript(e, e.script)
  if (e.start)
    return {
      text: 'it fetched the first script but never asked for its own',
      next: [
        CONSOLE,
        'if a screen shows "Operation not permitted" or a time-out, its link went down: check cable and switch port',
      ],
    }
  if (e.ipxeAsked) return afterIpxe(e)
  if (e.programAsked) return afterProgram(e)
  return afterOffer(e)
}

const CONSOLE = 'look at its screen or serial console: the last line says more'
const FIREWALL_HTTP =
  'check that no firewall stands between it and the HTTP port, and that `advertise` is an address it can reach'

/** The management OS was started and never said hello. */
function lostAgent(e: Evidence): Cause {
  if (e.agentRefused)
    return {
      text: `the management OS was started, but was refused: ${e.agentRefused.reason}`,
      next: ['restart the machine: every boot brings a fresh pass', CONSOLE],
    }
  return {
    text: 'the management OS was started but never said hello: it hangs, has too little memory, or has no driver for the network card',
    next: ['a machine needs 1 GB of memory for it', FIREWALL_HTTP, CONSOLE],
  }
}

function silentAgent(heard: TraceEvent, task: TraceEvent | undefined): Cause {
  const last =
    heard.kind === 'agent.hello' ? 'right after its hello' : task ? `while ${task.reason}` : `after: ${heard.summary}`
  return {
    text: `the management OS fell silent ${last}: the machine was switched off, hangs, or lost its link`,
    next: [
      'switch it off and on: what was written stays, and it goes on where it was',
      'reveille deploy log tells what it said last',
      CONSOLE,
    ],
  }
}

function failedStep(failed: TraceEvent): Cause {
  return {
    text: `its script reported an error: ${failed.summary}: ${failed.reason}`,
    next: ['the script tries again by itself; mend the cause, or give the machine another profile', CONSOLE],
  }
}

function afterScript(e: Evidence, script: TraceEvent): Cause {
  if (script.outcome !== 'ok') return { text: `it got no script: ${script.reason}`, next: [CONSOLE] }
  const broken = e.fetchFailed
  if (broken && !e.fetched.some((event) => event.at > broken.at))
    return {
      text: `it began to fetch ${detailOf(broken, 'file', 'a file')} and broke off: ${broken.reason}`,
      next: ['it may have too little memory for the file, or its link is bad', CONSOLE],
    }
  const lastFile = e.fetched.at(-1)
  if (lastFile)
    return {
      text: `it fetched ${detailOf(lastFile, 'file', 'a file')} but never reported that it starts it`,
      next: ['a large next file may still be loading; else it may have too little memory for its files', CONSOLE],
    }
  if (script.detail?.decision === 'menu')
    return { text: 'it shows a menu and nobody chose', next: ['choose on its screen, or give the menu a time-out'] }
  if (script.detail?.by === 'GRUB')
    return {
      text: 'it got its script, but no file got through to it by TFTP',
      next: ['a large first file may still be loading; else it may have too little memory for it', CONSOLE],
    }
  return {
    text: 'it got its script but never asked for a file',
    next: [FIREWALL_HTTP, CONSOLE],
  }
}

function afterIpxe(e: Evidence): Cause {
  const others = named(e.ipxeForeign)
  if (e.ipxeAnswered) {
    const file = detailOf(e.ipxeAnswered, 'file', 'the first script')
    if (!isProxyOffer(e.ipxeAnswered))
      return {
        text: `iPXE runs and got its answer, but it never asked for ${file}`,
        next: [FIREWALL_HTTP, CONSOLE],
      }
    return e.ipxeTookOther === undefined
      ? noAddress('iPXE runs and got our boot information', others)
      : ignoredOurs('iPXE runs,', e.ipxeTookOther, file, e.ipxeForeign, FIREWALL_HTTP)
  }
  if (e.ipxeTookOther !== undefined || (others !== '' && !e.ipxeOffered))
    return {
      text: `iPXE runs, but took the address from another DHCP server (${e.ipxeTookOther ?? others}) without our boot information`,
      next: OTHER_SERVER,
    }
  if (others !== '')
    return {
      text: `iPXE runs and took none of our offers: another DHCP server (${others}) answered too and most likely won`,
      next: OTHER_SERVER,
    }
  if (e.ipxeOffered)
    return {
      text: 'iPXE runs and got our offer, but never accepted it',
      next: ['the switch port may drop packets at first (spanning tree): set it to edge/portfast', CONSOLE],
    }
  return {
    text: `iPXE runs, but its question for an address got no usable answer${e.unanswered ? `: ${e.unanswered.reason}` : ''}`,
    next: ['the switch port may still be blocked (spanning tree): set it to edge/portfast', CONSOLE],
  }
}

function named(others: readonly OtherServer[]): string {
  return others.map(({ server }) => server).join(', ')
}

/** In proxy mode: it has all it needs, the address from one server and the boot information from us. */
function ignoredOurs(
  who: string,
  tookOther: string,
  file: string,
  others: readonly OtherServer[],
  firewall: string,
): Cause {
  const got = `${who} took the address of ${tookOther} and got our boot information, but never asked for ${file}`
  const rival = others.find((other) => other.file !== '')
  if (!rival) return { text: got, next: [firewall, CONSOLE] }
  return {
    text: `${got}; the DHCP server ${rival.server} told it to boot ${rival.file}, and most likely it did that`,
    next: [THEIR_BOOT_OPTIONS, firewall, CONSOLE],
  }
}

/** In proxy mode: addresses are the business of another server. */
function noAddress(got: string, others: string): Cause {
  return others === ''
    ? {
        text: `${got}, but no other DHCP server was heard to give it an address`,
        next: ['check that the other DHCP server runs and has addresses left, or set dhcp.mode to server', CONSOLE],
      }
    : {
        text: `${got}, but never took the address that ${others} offered`,
        next: ['the switch port may drop packets at first (spanning tree): set it to edge/portfast', CONSOLE],
      }
}

const THEIR_BOOT_OPTIONS =
  'turn the boot options of the other DHCP server off (next-server, file name, options 66 and 67)'
const OTHER_SERVER = ['set dhcp.mode to proxy if the other server is to stay, else turn it off on this network']

/** shim fetches GRUB, and GRUB asks for its configuration not where shim did but at the next server (siaddr) of the address. */
function afterShim(e: Evidence, file: string): Cause {
  if (!/grub[a-z0-9]*\.efi$/.test(file))
    return {
      text: `it fetched ${file}, which never asked for GRUB: its firmware does not trust what Microsoft signed, or the program hangs`,
      next: ['enrol the Microsoft UEFI CA in the firmware set-up ("third-party CA"), or turn Secure Boot off', CONSOLE],
    }
  const other = e.tookOther ?? e.foreign[0]?.server
  if (other === undefined)
    return {
      text: `shim fetched ${file}, but GRUB never asked for its configuration (/grub/grub.cfg): shim refused it, or it hangs`,
      next: ['install the newest shim-signed and grub-efi-amd64-signed: old ones are revoked', CONSOLE],
    }
  return {
    text: `shim fetched ${file}, but GRUB never asked us for its configuration: it asks the next server (siaddr) of the DHCP server that gave the address, ${other}, and not us`,
    next: [
      `set next-server (siaddr) of ${other} to the address of this server, or let Reveille give the addresses of such machines (dhcp.mode server)`,
      'machines without Secure Boot are not concerned: they load iPXE',
    ],
  }
}

function afterProgram(e: Evidence): Cause {
  const file = detailOf(e.programAsked, 'file', 'the boot program')
  const loaded = detailOf(e.programDone, 'file', '')
  if (loaded.startsWith('debian/')) return afterShim(e, loaded)
  if (e.programDone)
    return e.uefi
      ? {
          text: `it fetched ${file} but iPXE never started: Secure Boot has most likely refused it`,
          next: [
            'give it shim and GRUB, which are signed: reveille machine set NAME --boot-loader grub',
            'or turn Secure Boot off in its firmware set-up, since iPXE is not signed for it',
            CONSOLE,
          ],
        }
      : {
          text: `it fetched ${file} but iPXE never asked for an address: the program hangs or does not drive this network card`,
          next: [CONSOLE, 'update the firmware of the network card; tell us its model'],
        }
  if (e.programFailed)
    return {
      text: `it asked for ${detailOf(e.programFailed, 'file', file)} and did not get it: ${detailOf(e.programFailed, 'error', e.programFailed.reason)}`,
      next: [
        'if the file is missing, install its package (reveille doctor tells); if packets get lost, check cable, switch port and MTU',
      ],
    }
  return {
    text: `it began to fetch ${file} but never finished`,
    next: [
      'TFTP answers come from a port of their own: check that a firewall lets UDP replies through, and the MTU on the path',
      CONSOLE,
    ],
  }
}

function afterOffer(e: Evidence): Cause {
  const others = named(e.foreign)
  if (e.acknowledged || e.proxied) {
    // Who gives the address in proxy mode is no rival before it names a boot file.
    const rivals = e.acknowledged ? others : named(e.foreign.filter((other) => other.file !== ''))
    const file = detailOf(e.proxied ?? e.acknowledged, 'file', '')
    if (file === '')
      return {
        text: `it got an address but no boot program: there is none for ${e.architecture ?? 'what it is'}`,
        next: [
          'this machine cannot be booted over the network with the programs at hand; choose another boot mode in its firmware set-up',
        ],
      }
    return {
      text: `it took our answer but never asked for ${file}${rivals ? `; another DHCP server (${rivals}) answered too and may have told it otherwise` : ''}`,
      next: [
        ...(rivals ? [THEIR_BOOT_OPTIONS] : []),
        'check that a firewall lets UDP port 69 to this server through',
        CONSOLE,
      ],
    }
  }
  if (e.offered && isProxyOffer(e.offered))
    return e.tookOther === undefined
      ? noAddress('it got our boot information', others)
      : ignoredOurs(
          'it',
          e.tookOther,
          detailOf(e.offered, 'file', 'the boot program'),
          e.foreign,
          'check that a firewall lets UDP ports 69 and 4011 to this server through',
        )
  if (e.tookOther !== undefined)
    return {
      text: `it took the address of another DHCP server (${e.tookOther})${e.offered ? ' instead of ours' : ''} and asked us for no boot program`,
      next: OTHER_SERVER,
    }
  if (e.refusedAddress)
    return {
      text: `we refused the address it asked for: ${e.refusedAddress.reason}`,
      next: ['it should ask anew by itself; if it does not, switch it off and on'],
    }
  if (e.offered)
    return others
      ? {
          text: `it got our offer and took none of ours: another DHCP server (${others}) answered too and most likely won`,
          next: OTHER_SERVER,
        }
      : {
          text: 'it got our offer and never accepted it: the offer did not reach it, or its firmware does not like it',
          next: [
            'the switch port may drop packets at first (spanning tree): set it to edge/portfast; check VLAN and relay',
            'record the packets (tcpdump -w FILE port 67 or port 68) and run: reveille trace replay FILE',
          ],
        }
  if (e.unanswered)
    return {
      text: `Reveille did not answer it: ${e.unanswered.reason}`,
      next: ['run reveille doctor, and look at dhcp.mode and networks'],
    }
  return { text: 'it stopped asking', next: [CONSOLE] }
}
