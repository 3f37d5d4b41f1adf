import type { ConsoleLine } from '../../driver.ts'
import type { AskOptions, Link } from './link.ts'

export async function openSerialLine(_link: Link, _options: AskOptions): Promise<ConsoleLine> {
  throw new Error('later')
}
