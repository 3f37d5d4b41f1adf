/** The lab's small Linux: enough to see that a machine arrived. Paths of files, and its kernel command line. */
export type LabLinux = Readonly<{ kernelPath: string; initrdPath: string; cmdline: string; version: string }>
