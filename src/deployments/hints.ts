import { z } from 'zod'
import { DISK_TRANSPORTS } from '../machines/inventory.ts'

/** Which disk is meant; every hint that is given must fit. A kernel name such as `/dev/sda` is no hint: it changes between boots. */
export const DiskHints = z
  .object({
    serial: z.string().min(1).max(200),
    wwn: z.string().min(1).max(200),
    /** Part of the model's name, upper and lower case alike. */
    model: z.string().min(1).max(200),
    byPath: z.string().min(1).max(200),
    transport: z.enum(DISK_TRANSPORTS),
    rotational: z.boolean(),
    leastBytes: z.number().int().min(0),
    mostBytes: z.number().int().min(0),
  })
  .partial()
  .strict()
  .meta({ id: 'DiskHints' })
export type DiskHints = z.infer<typeof DiskHints>
