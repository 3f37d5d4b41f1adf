import type { EfiProgram } from './read.ts'

/**
 * What Secure Boot will make of a kernel that Debian's shim starts. `refused`: certainly. `unknown`: only where a key was enrolled
 * that is not there from the factory. `reason` ends the sentence "this kernel ...".
 */
export type Verdict = Readonly<{ verdict: 'accepted' | 'refused' | 'unknown'; reason: string }>

/** What is known of a kernel before it is loaded. */
export type KernelFacts = Verdict & Pick<EfiProgram, 'machine'>

/** Who issues what Debian's shim accepts: its own CA inside shim, and those in the firmware of nearly every computer. */
const TRUSTED: ReadonlyMap<string, string> = new Map([
  ['Debian Secure Boot CA', "by Debian, which Debian's shim accepts"],
  ['Microsoft Windows Production PCA 2011', 'by Microsoft, which firmware accepts'],
  ['Windows UEFI CA 2023', 'by Microsoft, which firmware accepts'],
  ['Microsoft Corporation UEFI CA 2011', 'by Microsoft, which firmware accepts'],
  ['Microsoft UEFI CA 2023', 'by Microsoft, which newer firmware accepts'],
])

/** Judges by who signed; that the bytes are those which were signed is found out by shim alone. `undefined`: no EFI program. */
export function judgeKernel(program: EfiProgram | undefined): Verdict {
  if (!program) return { verdict: 'refused', reason: 'is no EFI program, so it can have no signature' }
  const { signers } = program
  if (signers.length === 0) return { verdict: 'refused', reason: 'is not signed' }
  for (const { subject, issuer } of signers) {
    const trusted = TRUSTED.get(issuer ?? '') ?? TRUSTED.get(subject ?? '')
    if (trusted !== undefined) return { verdict: 'accepted', reason: `is signed ${trusted}` }
  }
  const names = signers.map(({ subject, issuer }) => subject ?? issuer ?? 'somebody without a name')
  return {
    verdict: 'unknown',
    reason: `is signed by ${names.join(' and ')}, whose key must be enrolled in the machine (MOK)`,
  }
}
