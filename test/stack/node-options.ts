/** How Node runs Sluice: as the shebang, the image and the npm script have it. */
export const nodeOptions: readonly string[] = ['--max-semi-space-size=32', '--v8-pool-size=1'];
