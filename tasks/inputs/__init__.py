"""The input of a task's head: word vectors of the task, and layers of the encoder."""
