/**
 * The keys of a judge that say where an OpenAI-compatible server is, and with which key it is asked.
 */
import { z } from 'zod';
import { baseUrlProblem, OPENAI_BASE_URL, OPENAI_KEY_VARIABLE, VARIABLE } from '../endpoint';

export const endpointKeys = {
  base_url: z
    .string()
    .superRefine((text, context) => {
      const message = baseUrlProblem(text);
      if (message !== null) context.addIssue({ code: 'custom', message });
    })
    .optional()
    .meta({
      default: OPENAI_BASE_URL,
      description:
        'With `kind: openai`: the address up to `/chat/completions`, such as `http://localhost:8000/v1` of a vLLM server.',
    }),
  key_variable: z
    .string()
    .regex(VARIABLE, 'expected the name of an environment variable, in capitals')
    .optional()
    .meta({
      description:
        "With `kind: openai`: the judge worker's environment variable that holds the key. Default: " +
        `\`${OPENAI_KEY_VARIABLE}\` for OpenAI's own API, and no key for any other address.`,
    }),
};
