import { join } from 'node:path'
import type { Images } from '../images/images.ts'
import { PackageCache } from '../initramfs/packages.ts'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import { ManagementOs } from '../management/management.ts'

/** The builder of the management OS, and the Debian packages it shares with the lab's small Linux. */
export function openManagement({
  images,
  dataDir,
  packageDirectory,
  version,
  log,
}: {
  images: Images
  dataDir: string
  packageDirectory: string
  version: string
  log: Log
}) {
  const packages = new PackageCache(join(dataDir, 'packages'))
  const management = new ManagementOs({
    images,
    packages,
    workDirectory: join(dataDir, 'management-os'),
    packageDirectory,
    nodePath: process.execPath,
    version,
    log,
  })
  /** Builds it while nobody waits for it; why it could not be is in the log, and told again to whoever orders a deployment. */
  const buildInBackground = () => {
    management.build({ force: false }).catch((error: unknown) => {
      const { message, next } = error instanceof Refusal ? error : { message: String(error), next: undefined }
      log.warn({ reason: message, next }, 'the management OS could not be built; reveille agent build tries again')
    })
  }
  return { packages, management, buildInBackground }
}
