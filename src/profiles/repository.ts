import type { Profile } from './profile.ts'

/** Keeps profiles by name. A resolved promise means: it is durable. */
export interface ProfileRepository {
  all(): Promise<Profile[]>
  save(profile: Profile): Promise<void>
  remove(name: string): Promise<void>
}
