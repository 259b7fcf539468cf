/**
 * The time limit of a single test, from the project's entry in jest.config.cjs.
 */
declare const secondsPerTest: number;

jest.setTimeout(secondsPerTest * 1000);
