import { readFile } from 'node:fs/promises'
import { BootPass } from '../../api/contract/agent.ts'

/** Where the second initrd puts it. */
export const PASS_FILE = '/reveille/boot.json'

/** What this boot proves itself with. Throws a sentence for the screen. */
export async function readPass(path = PASS_FILE): Promise<BootPass> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch {
    throw new Error(`there is no ${path}: this system was not started by Reveille for a deployment, so it does nothing`)
  }
  try {
    return BootPass.parse(JSON.parse(text))
  } catch {
    throw new Error(`${path} is not understood: was it made by another version of Reveille?`)
  }
}
