import type { LoadedConfig } from '../config/load.ts'
import type { Local, SettingFlags } from './context.ts'

async function loaded(flags: SettingFlags): Promise<LoadedConfig> {
  const { load } = await import('../config/load.ts')
  return load(flags, process.env, process.cwd())
}

/** The one door from the command line into the server: main.ts is loaded only by the commands that need it. */
export const LOCAL: Local = {
  async serve(flags) {
    const config = await loaded(flags)
    const { serve } = await import('../main.ts')
    await serve(config)
  },
  async doctor(flags) {
    const config = await loaded(flags)
    const { doctor } = await import('../main.ts')
    return doctor(config)
  },
  async replay(flags, capture) {
    const config = await loaded(flags)
    const { replay } = await import('../main.ts')
    return replay(config, capture)
  },
  async checkConfig(draft) {
    const { checkConfig } = await import('../main.ts')
    return checkConfig(draft)
  },
  async backup(flags, parts) {
    const config = await loaded(flags)
    const { backup } = await import('../main.ts')
    return backup(config, parts)
  },
  async inspectBackup(file) {
    const { inspectBackup } = await import('../main.ts')
    return inspectBackup(file)
  },
  async restore(flags, file, how) {
    const config = await loaded(flags)
    const { restore } = await import('../main.ts')
    return restore(config, file, how)
  },
  async buildImage(order, tell) {
    const { buildImage } = await import('../main.ts')
    return buildImage(order, tell)
  },
}
