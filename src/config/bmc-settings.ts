import { z } from 'zod'
import { clients, listen, portRange } from './values.ts'

/** Settings of power drivers, of the BMCs that are answered, and of consoles. */
export const BMC_SETTINGS = {
  power: z
    .object({
      pollSeconds: z
        .number()
        .int()
        .min(0)
        .max(86_400)
        .default(60)
        .describe('how often the state of every machine with a driver is read; 0: only when somebody asks'),
      concurrency: z
        .number()
        .int()
        .min(1)
        .max(10_000)
        .default(256)
        .describe(
          'most drivers that are asked at a time; those that keep us waiting do not count, up to four times as many',
        ),
    })
    .strict()
    .prefault({}),
  gateway: z
    .object({
      host: z
        .ipv4('an IPv4 address such as 10.0.0.1')
        .default('0.0.0.0')
        .describe('address on which BMCs are answered that have no address of their own; 0.0.0.0: all of this server'),
      ports: portRange
        .default({ firstPort: 6230, lastPort: 7229 })
        .describe('UDP ports that are given to BMCs, one each'),
      shared: listen
        .optional()
        .describe(
          'one more address and UDP port that answers for all BMCs and tells them apart by the user name; off if not given',
        ),
      clients: z
        .array(clients)
        .max(256)
        .default([])
        .describe('addresses and subnets of IPMI and Redfish clients that are answered; empty: all'),
      cipherSuite3: z
        .boolean()
        .default(true)
        .describe('accept cipher suite 3 (HMAC-SHA1) besides 17 (HMAC-SHA256); many clients know nothing else'),
      sessions: z
        .number()
        .int()
        .min(1)
        .max(100_000)
        .default(1000)
        .describe('most IPMI sessions at a time, of all BMCs together'),
      events: z.number().int().min(16).max(65_534).default(512).describe('entries that the SEL of a BMC keeps'),
      redfish: z
        .object({
          enabled: z.boolean().default(false).describe('answer Redfish for the machines that have a BMC here'),
          listen: listen
            .default({ host: '0.0.0.0', port: 8443 })
            .describe('address and port of the Redfish service (HTTPS)'),
          certificate: z
            .string()
            .min(1)
            .optional()
            .describe('file with its certificate and chain (PEM); self-signed, made at first, if not given'),
          key: z.string().min(1).optional().describe('file with the private key of that certificate (PEM)'),
        })
        .strict()
        .prefault({}),
    })
    .strict()
    .prefault({}),
  consoles: z
    .object({
      record: z
        .enum(['always', 'viewed'])
        .default('viewed')
        .describe('keep what consoles print: always (each line is held open), or while somebody looks'),
      writers: z
        .enum(['several', 'one'])
        .default('several')
        .describe(
          'who may type at a console at a time: everybody with the right to, or whoever typed last, for half a minute',
        ),
      keepDays: z.number().int().min(1).max(3650).default(30).describe('how long what consoles printed is kept'),
      maxMiB: z.number().int().min(1).max(1024).default(16).describe('how much is kept of each console'),
    })
    .strict()
    .prefault({}),
}
