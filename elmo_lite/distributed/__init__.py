"""Several processes, on one machine or many: where they come from, how they find one another, and what they exchange.

Pretraining on several processes is the run of one process with more hands. The batch of a step is what the settings
say, and each process reads its share of the rows. All processes draw the same classes, sum their gradients, and make
the same update, so that all have the same weights after each step. The dense gradients of the encoder are summed by
DistributedDataParallel. The softmax table stays out of it: only the rows that a step uses have a gradient, every
process knows which ones (the sampled classes, and the targets of the whole batch), and their block is summed.

Processes are started by torchrun, by srun, or by ``launch.run_processes`` on this machine.
"""
