import { latin1 } from '../../../kit/bytes.ts'
import { COMPLETION } from '../../../protocols/ipmi/completion.ts'
import { NET_FN, PRIVILEGE_LEVEL } from '../../../protocols/ipmi/net-fn.ts'
import type { Command, CommandContext, IpmiAnswer } from '../command.ts'
import { refuse } from './answers.ts'

/** Longer than any name of an image or address that is worth booting. */
const MOST_BYTES = 255

const done = (...data: readonly number[]): IpmiAnswer => ({
  completionCode: COMPLETION.ok,
  data: Uint8Array.from(data),
})

const media = (command: number, name: string, run: Command['run']): Command => ({
  netFn: NET_FN.supermicroMedia,
  command,
  name,
  privilege: PRIVILEGE_LEVEL.operator,
  run,
})

/**
 * Texts end with a zero byte. One is the name of an image, or an http address. Of two, which in Supermicro's form are a server
 * and a path on it, an address is made.
 */
export function mediaOf(data: Uint8Array): string {
  if (data.length === 0 || data.length > MOST_BYTES) refuse(COMPLETION.badLength)
  const [first = '', second = '', ...more] = latin1(data).replace(/\0+$/, '').split('\0')
  if (!/^[\x21-\x7e]+$/.test(first + second) || first === '' || more.some((text) => text !== ''))
    refuse(COMPLETION.invalidField)
  if (second === '') return first
  const server = /^https?:\/\//.test(first) ? first : `http://${first}`
  return `${server.replace(/\/+$/, '')}/${second.replace(/^\/+/, '')}`
}

async function eject(data: Uint8Array, { backEnd, by }: CommandContext): Promise<IpmiAnswer> {
  if (data.length > 1) refuse(COMPLETION.badLength)
  await backEnd.setMedia(null, by)
  return done()
}

async function insert(data: Uint8Array, { backEnd, by }: CommandContext): Promise<IpmiAnswer> {
  await backEnd.setMedia(mediaOf(data), by)
  return done()
}

/** Supermicro's commands of the virtual drive, taken as "boot this image next". */
export const MEDIA: readonly Command[] = [
  media(0x00, 'Stop virtual media', eject),
  media(0x01, 'Set virtual media', insert),
  media(0x02, 'Start virtual media', (_, { backEnd }) => {
    if (backEnd.media() === null) refuse(COMPLETION.notInThisState)
    return done()
  }),
  media(0x03, 'Virtual media status', (_, { backEnd }) => done(backEnd.media() === null ? 0 : 1)),
]
