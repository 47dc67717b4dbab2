export interface WindowOptions {
  readonly width: number;
  readonly height: number;
  readonly hidden: boolean;
  /** Chromium's browser context, undefined for that of the profile. */
  readonly context: string | undefined;
}
