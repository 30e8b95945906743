/** The examples and the code in the documentation run and say what is true. */
import { test } from "vitest";
test.todo("examples");
