/** What each budget of a test is raised to by `npm run test:nightly`, by the environment variable that the test reads. */
export const nightlyBudgets: Readonly<Record<string, string>> = {
  SLUICE_PROPERTY_RUNS: '10',
  SLUICE_FUZZ_RECORDS: '80000',
  SLUICE_TEST_VERIFY_ROWS: '300000',
  SLUICE_TEST_PROOF_DOCUMENTS: '1000000',
  SLUICE_TEST_REBUILD_ROWS: '20000',
  SLUICE_TEST_BLOCKED_SECONDS: '120',
  SLUICE_TEST_FILE_MINUTES: '60',
};
