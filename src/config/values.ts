import { z } from 'zod'
import { type Ipv4, parseIpv4, parseSubnet } from '../kit/ip.ts'
import { Secret } from '../kit/secret.ts'

/** Kinds of values that several settings share, with what a message says would be right. */

export const address = z.string('an IPv4 address such as 10.0.0.1').transform((text, context): Ipv4 => {
  const parsed = parseIpv4(text)
  if (parsed === undefined) context.addIssue('an IPv4 address such as 10.0.0.1')
  return parsed ?? (0 as Ipv4)
})

export const subnet = z.string('a subnet such as 10.0.0.0/24').transform((text, context) => {
  const parsed = parseSubnet(text)
  if (!parsed) context.addIssue('a subnet such as 10.0.0.0/24')
  return parsed ?? { base: 0 as Ipv4, prefix: 32 }
})

/** A client, or a subnet of them. */
export const clients = z.string('an address or subnet such as 10.0.0.5 or 10.0.0.0/24').transform((text, context) => {
  const parsed = parseSubnet(text.includes('/') ? text : `${text}/32`)
  if (!parsed) context.addIssue('an address or subnet such as 10.0.0.5 or 10.0.0.0/24')
  return parsed ?? { base: 0 as Ipv4, prefix: 32 }
})

export const range = z.string('an address range such as 10.0.0.100-10.0.0.200').transform((text, context) => {
  const [first, last = first] = text.split('-').map((part) => parseIpv4(part.trim()))
  if (first === undefined || last === undefined || first > last)
    context.addIssue('an address range such as 10.0.0.100-10.0.0.200')
  return { first: first ?? (0 as Ipv4), last: last ?? (0 as Ipv4) }
})

export const portRange = z.string('a port range such as 6230-7229').transform((text, context) => {
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(text)
  const first = Number(match?.[1] ?? 0)
  const last = Number(match?.[2] ?? 0)
  if (first < 1 || last > 65_535 || first > last) context.addIssue('a port range such as 6230-7229')
  return { firstPort: first, lastPort: last }
})

/** `HOST:PORT`, with an IPv4 address as host. */
export const listen = z.string('an IPv4 address and port such as 0.0.0.0:8080').transform((text, context) => {
  const match = /^(.+):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? ''
  const port = Number(match?.[2] ?? Number.NaN)
  if (!match || parseIpv4(host) === undefined || port > 65_535)
    context.addIssue('an IPv4 address and port such as 0.0.0.0:8080')
  return { host, port }
})
export type ListenAddress = z.output<typeof listen>

/** A value that is shown nowhere. Its setting is listed in `SECRET_SETTINGS`. */
export const secret = z
  .string()
  .min(8, 'at least 8 characters')
  .max(1000)
  .transform((text) => new Secret(text))

/** May hold a password, so it is shown nowhere. */
export const databaseUrl = z
  .string()
  .max(1000)
  .regex(/^postgres(ql)?:\/\/[^\s]+$/, 'a URL such as postgresql://reveille@10.0.0.2/reveille')
  .transform((text) => new Secret(text))

export const interfaceName = z
  .string()
  .regex(/^[A-Za-z0-9._:@-]{1,15}$/, 'an interface name of 1 to 15 letters, digits and . _ : @ -')
