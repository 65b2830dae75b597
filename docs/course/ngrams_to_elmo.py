# %% [markdown]
# # From n-grams to ELMo on one text
#
# A language model gives a probability to every next word. This notebook builds the models of the lectures one after the
# other, each on the same text and measured on the same predictions: counts, Kneser-Ney, a fixed window, a recurrent
# network, an LSTM, two directions. At the end stands ELMo, which is two of these language models with another use.
#
# You need Python, PyTorch and `pip install ".[tasks]"` of elmo_lite, no network and no GPU. All cells together run for
# about half a minute on one core. Random numbers are seeded; the text is the prose that *your* Python carries, so your
# figures will differ a little from those of others.
#
# **Sources.** Chen and Goodman, *An empirical study of smoothing techniques for language modeling*, 1998 [CG]. Bengio
# et al., *A neural probabilistic language model*, JMLR 2003 [B]. Elman, *Finding structure in time*, 1990 [E].
# Hochreiter and Schmidhuber, *Long short-term memory*, 1997 [HS]. Pascanu, Mikolov and Bengio, *On the difficulty of
# training recurrent neural networks*, 2013 [PMB]. Press and Wolf, *Using the output embedding to improve language
# models*, 2017 [PW]. Peters et al., *Deep contextualized word representations*, 2018 [P].

# %%
import math
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from elmo_lite import Tokenization
from elmo_lite.text.python_prose import write_parts

# %% [markdown]
# ## 1. The text
#
# Every Python carries English prose: its help topics and the docstrings of its standard library. One document in twelve
# is held out. The models are fitted on the rest, and never see the held-out part.

# %%
with TemporaryDirectory() as folder:
    write_parts(Path(folder))
    texts = [(Path(folder) / name).read_text(encoding="utf-8") for name in ("train.txt", "held_out.txt")]
train_words, held_out_words = (Tokenization().sentences(text) for text in texts)

print(f"{sum(map(len, train_words)):,} words to train on, {sum(map(len, held_out_words)):,} held out")
print(" ".join(train_words[0]))

# %% [markdown]
# The vocabulary has the 2,000 most frequent words. Every other word becomes the class `<unk>`; the class `</S>` ends a
# sentence, and stands before its first word too. Few classes make the models fast, and the figures lower: a perplexity
# depends on the vocabulary, so only those on this page compare.

# %%
counts = Counter(word for sentence in train_words for word in sentence)
classes = ["</S>", "<unk>", *(word for word, _ in counts.most_common(2000))]
class_of = {word: number for number, word in enumerate(classes)}
V = len(classes)


def encode(sentences):
    """Lists of class numbers with `</S>` = 0 before and after each sentence."""
    return [[0, *(class_of.get(word, 1) for word in sentence), 0] for sentence in sentences]


train, held_out = encode(train_words), encode(held_out_words)
predictions = [target for sentence in held_out for target in sentence[1:]]
print(f"{len(predictions):,} predictions, {predictions.count(1) / len(predictions):.1%} of them <unk>")

# %% [markdown]
# ## 2. Perplexity
#
# If a model gives the probabilities $p_1, \dots, p_N$ to the $N$ words that came, its perplexity is
#
# $$\exp\Big(-\frac{1}{N} \sum_{i=1}^{N} \ln p_i\Big),$$
#
# the number of equally likely words among which it would be as unsure. Lower is better. A model that knows nothing has
# perplexity $V$.


# %%
def perplexity(probabilities):
    """Perplexity of predictions, from the probability that each word got."""
    # begin solution: the formula above, with np.log
    return float(np.exp(-np.mean(np.log(probabilities))))
    # end solution


assert math.isclose(perplexity(np.full(10, 1 / V)), V)
assert math.isclose(perplexity(np.array([0.5, 0.125])), 4)

# %% [markdown]
# `table` collects the perplexity of each model on all predictions.

# %%
table = {"no knowledge": float(V)}

# %% [markdown]
# ## 3. Counts
#
# The unigram model gives each word its relative frequency. The bigram model counts pairs:
#
# $$p(w \mid h) = \frac{c(h\,w)}{\sum_{w'} c(h\,w')}$$

# %%
unigrams = np.bincount([target for sentence in train for target in sentence[1:]], minlength=V)
table["unigram"] = perplexity((unigrams / unigrams.sum())[predictions])

bigrams = np.zeros((V, V))
for sentence in train:
    # begin solution: add 1 to bigrams[h, w] for each word w of the sentence after its history h
    for h, w in zip(sentence, sentence[1:], strict=False):
        bigrams[h, w] += 1
    # end solution
assert bigrams.sum() == unigrams.sum()

histories = [history for sentence in held_out for history in sentence[:-1]]
with np.errstate(divide="ignore", invalid="ignore"):
    maximum_likelihood = (bigrams / bigrams.sum(axis=1, keepdims=True))[histories, predictions]
    print(f"unigram {table['unigram']:.1f}, bigram {perplexity(maximum_likelihood)}")
print(f"{np.mean(maximum_likelihood == 0):.1%} of the held-out bigrams were never seen")

# %% [markdown]
# One unseen bigram is enough for an infinite perplexity. Smoothing takes a discount $D$ from every count and gives what
# it saved to a shorter history. In *Kneser-Ney* smoothing [CG, section 2.7] the shorter model does not ask how often a
# word occurs, but after how many different words:
#
# $$p(w \mid h) = \frac{\max(c(h\,w) - D, 0)}{c(h)} + \frac{D \cdot N_{1+}(h\,\cdot)}{c(h)}\; p_{\mathrm{c}}(w),
# \qquad p_{\mathrm{c}}(w) = \frac{N_{1+}(\cdot\,w)}{N_{1+}(\cdot\,\cdot)}$$
#
# where $c(h) = \sum_w c(h\,w)$, and $N_{1+}$ is the number of different bigrams that were seen at least once.

# %%
D = 0.75
continuation = (bigrams > 0).sum(axis=0)
continuation = (continuation + 0.01) / (continuation + 0.01).sum()  # a little for a class that never came
# begin solution: kneser_ney, an array of shape (V, V) whose row h has p(w | h); rows of histories that never came: p_c
total = bigrams.sum(axis=1, keepdims=True)
saved = D * (bigrams > 0).sum(axis=1, keepdims=True)
kneser_ney = (np.maximum(bigrams - D, 0) + saved * continuation) / np.maximum(total, 1)
kneser_ney[total[:, 0] == 0] = continuation
# end solution
assert np.allclose(kneser_ney.sum(axis=1), 1)
table["bigram, Kneser-Ney"] = perplexity(kneser_ney[histories, predictions])
table["bigram, Kneser-Ney"]

# %% [markdown]
# Longer histories are the same idea, once per length, with three discounts instead of one (*modified* Kneser-Ney [CG,
# section 4.1.6]). elmo_lite has it.

# %%
from elmo_lite.ladder.kneser_ney import KneserNey


def stream(sentences):
    """One array: `</S>` words `</S>` words `</S>` ..."""
    return np.array([0] + [w for sentence in sentences for w in sentence[1:]])


for order in (3, 5):
    ngram = KneserNey.fit(stream(train), V, order)
    table[f"{order}-gram, Kneser-Ney"] = perplexity(ngram.stream_probabilities(stream(held_out)))
    print(f"{order}-gram {table[f'{order}-gram, Kneser-Ney']:.1f}, {ngram.num_ngrams:,} n-grams")

# %% [markdown]
# **Question 1.** From 3-gram to 5-gram the number of n-grams trebles, and the perplexity falls by little. Why?

# %% [markdown] answer
# *Answer.* Few 5-grams of the held-out text were seen in training, so the model mostly falls back to shorter histories:
# an n-gram model knows nothing of a history that is not, word by word, one that it has seen. "The students opened
# their" tells it nothing about "The pupils opened their".

# %% [markdown]
# ## 4. A fixed window
#
# Words become vectors, so that similar histories can have similar predictions. The feed-forward model [B, equation 2
# without its direct connections] concatenates the vectors of the last four words:
#
# $$h_t = \tanh(W\,[x_{t-3}; x_{t-2}; x_{t-1}; x_t] + b), \qquad
# p(w_{t+1} \mid w_{\le t}) = \mathrm{softmax}(E h_t + c)$$
#
# All neural models here share the rest: word vectors $x_t$, which are the rows of $E$ (weight tying [PW]), one layer,
# and the softmax over all classes.

# %%
DIM = 64


class NextWord(nn.Module):
    """Word vectors, a layer from vectors (B, T, DIM) to states (B, T, DIM), and a softmax with the same vectors."""

    def __init__(self, layer):
        super().__init__()
        self.vectors, self.layer, self.dropout = nn.Embedding(V, DIM), layer, nn.Dropout(0.1)
        nn.init.normal_(self.vectors.weight, std=DIM**-0.5)
        self.bias = nn.Parameter(torch.from_numpy(np.log(unigrams + 1.0)).float())  # begins as the unigram model

    def states(self, words):
        return self.layer(self.dropout(self.vectors(words) * DIM**0.5))

    def forward(self, words):
        """Logits (B, T, V) of the word after each of the words (B, T)."""
        return F.linear(self.dropout(self.states(words)), self.vectors.weight, self.bias)


class Window(nn.Module):
    """The hidden layer of a window of four words."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(4 * DIM, DIM)

    def forward(self, x):
        padded = F.pad(x, (0, 0, 3, 0))  # zeros for the three words before the first
        # begin solution: h for x (B, T, DIM), from padded (B, T + 3, DIM); torch.cat joins along dim=-1
        length = x.shape[1]
        return torch.tanh(self.hidden(torch.cat([padded[:, k : k + length] for k in range(4)], dim=-1)))
        # end solution


x = torch.randn(1, 9, DIM)
changed = x.clone()
changed[:, 3] += 1  # the states of this word and the next three see it, and no other
layer = Window()
assert torch.isclose(layer(x), layer(changed)).all(dim=-1)[0].tolist() == [True] * 3 + [False] * 4 + [True] * 2

# %% [markdown]
# Training is the same for all models: batches of sentences of similar length, Adam, the mean cross-entropy over all
# predictions, and a learning rate that falls to zero.


# %%
def batches(sentences, words_per_batch=400):
    """Batches (inputs (B, T), targets (B, T)) of sentences of similar length; targets behind the end are -100."""
    ordered, rows = sorted(sentences, key=len), []
    for sentence in ordered:
        if rows and (len(rows) + 1) * len(sentence) > words_per_batch:
            yield as_tensors(rows)
            rows = []
        rows.append(sentence)
    yield as_tensors(rows)


def as_tensors(rows):
    inputs = nn.utils.rnn.pad_sequence([torch.tensor(row[:-1]) for row in rows], batch_first=True)
    targets = nn.utils.rnn.pad_sequence([torch.tensor(row[1:]) for row in rows], batch_first=True, padding_value=-100)
    return inputs, targets


def nats(model, inputs, targets, reduction="mean"):
    return F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), reduction=reduction)


def fit(model, sentences, epochs=1, rate=1e-2):
    found = list(batches([sentence[:61] for sentence in sentences]))
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / (epochs * len(found)))
    model.train()
    for _ in range(epochs):
        for number in torch.randperm(len(found)).tolist():
            optimizer.zero_grad()
            nats(model, *found[number]).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return model.eval()


@torch.no_grad()
def measure(model, sentences):
    """Perplexity on all predictions of some sentences."""
    total = sum(float(nats(model, *batch, reduction="sum")) for batch in batches(sentences))
    return math.exp(total / sum(len(sentence) - 1 for sentence in sentences))


def train_and_measure(name, make_layer, sentences=train, measured=held_out):
    torch.manual_seed(0)
    begun = time.perf_counter()
    model = fit(NextWord(make_layer()), sentences)
    table[name] = measure(model, measured)
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{name}: perplexity {table[name]:.1f}, {parameters:,} parameters, {time.perf_counter() - begun:.0f} s")
    return model


# %%
window = train_and_measure("feed-forward, 4 words", Window)

# %% [markdown]
# ## 5. A recurrent network
#
# A simple recurrent layer [E] has no fixed window: its state sums up all words so far.
#
# $$h_t = \tanh(W x_t + U h_{t-1} + b), \qquad h_0 = 0$$


# %%
def rnn_by_hand(x, W, U, b):
    """States (B, T, D) of a simple recurrent layer for inputs x (B, T, D)."""
    h, states = torch.zeros(x.shape[0], U.shape[0]), []
    for t in range(x.shape[1]):
        # begin solution: the state h after x[:, t]
        h = torch.tanh(x[:, t] @ W.T + h @ U.T + b)
        # end solution
        states.append(h)
    return torch.stack(states, dim=1)


rnn = nn.RNN(DIM, DIM, batch_first=True)
x = torch.randn(2, 5, DIM)
by_hand = rnn_by_hand(x, rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0 + rnn.bias_hh_l0)
assert torch.allclose(by_hand, rnn(x)[0], atol=1e-5)


# %%
class Recurrent(nn.Module):
    """A recurrent layer of torch as a layer of NextWord."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell(DIM, DIM, batch_first=True)

    def forward(self, x):
        return self.cell(x)[0]


rnn_model = train_and_measure("RNN", lambda: Recurrent(nn.RNN))

# %% [markdown]
# ## 6. Gradients that vanish
#
# To learn that a word matters $l$ steps later, the gradient of the loss $J_i$ at step $i$ must reach the state
# $h_{i-l}$. By the chain rule it is a product of $l$ Jacobians,
#
# $$\frac{\partial J_i}{\partial h_{i-l}} = \frac{\partial J_i}{\partial h_i}
# \prod_{k=i-l+1}^{i} \mathrm{diag}\big(1 - h_k^2\big)\, U,$$
#
# and it shrinks exponentially if their norms are below 1 [PMB, section 2]. (For row vectors; the factors stand
# from $k = i$ on the left to $k = i - l + 1$ on the right.)


# %%
def gradient_norms(model, distance=20, rows=64):
    """Mean norm of the gradient of the last loss with respect to the state l steps before, l = 0..distance."""
    long = torch.tensor(stream(held_out)[: rows * (distance + 12)]).view(rows, distance + 12)
    inputs, target = long[:, :-1], long[:, -1]
    state, states = None, []
    for x in (model.vectors(inputs) * DIM**0.5).split(1, dim=1):
        _, state = model.layer.cell(x, state)
        states.append(state[0] if isinstance(state, tuple) else state)  # h, (1, B, DIM); an LSTM has (h, c)
    loss = F.cross_entropy(F.linear(states[-1][0], model.vectors.weight, model.bias), target, reduction="sum")
    # begin solution: norms, the list of mean norms for l = 0, 1, ..., distance; see torch.autograd.grad
    gradients = torch.autograd.grad(loss, states[::-1][: distance + 1])
    norms = [float(gradient[0].norm(dim=-1).mean()) for gradient in gradients]
    # end solution
    return norms


norms = gradient_norms(rnn_model)
assert len(norms) == 21 and norms[0] > norms[20]
print(f"20 words back the gradient of the RNN is {norms[0] / norms[20]:,.0f} times smaller than at the word itself")

# %% [markdown]
# ## 7. LSTM
#
# The LSTM [HS; with a forget gate: Gers, Schmidhuber and Cummins 2000] carries a cell $c_t$ from step to step by a sum
# instead of a product with $U$. Where the forget gate $f_t$ is open, the gradient of the cell passes unchanged.
#
# $$i, f, o = \sigma(W_{i,f,o}\,x_t + U_{i,f,o}\,h_{t-1} + b_{i,f,o}), \quad
# g = \tanh(W_g x_t + U_g h_{t-1} + b_g)$$
# $$c_t = f \odot c_{t-1} + i \odot g, \qquad h_t = o \odot \tanh(c_t)$$


# %%
def lstm_step(x, h, c, W, U, b):
    """One step of an LSTM; the rows of W, U and b are those of i, f, g and o, in this order (torch's)."""
    # begin solution: the new h and c; (...).chunk(4, dim=-1) parts the four
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    # end solution
    return h, c


lstm = nn.LSTM(DIM, DIM, batch_first=True)
h = c = torch.zeros(2, DIM)
for t in range(5):
    h, c = lstm_step(x[:, t], h, c, lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.bias_ih_l0 + lstm.bias_hh_l0)
assert torch.allclose(h, lstm(x)[0][:, -1], atol=1e-5)

# %%
lstm_model = train_and_measure("LSTM", lambda: Recurrent(nn.LSTM))

# %%
torch.manual_seed(0)
figure, panels = plt.subplots(1, 2, figsize=(7, 2.5), sharey=True)
untrained = {"RNN": NextWord(Recurrent(nn.RNN)).eval(), "LSTM": NextWord(Recurrent(nn.LSTM)).eval()}
for axes, title, models in zip(
    panels,
    ("before training", "after training"),
    (untrained, {"RNN": rnn_model, "LSTM": lstm_model}),
    strict=True,
):
    for name, model in models.items():
        axes.semilogy(gradient_norms(model), label=name)
    axes.set(title=title, xlabel="distance in words")
panels[0].set_ylabel("norm of the gradient")
panels[1].legend()
figure.tight_layout()

# %% [markdown]
# The gradient with respect to the hidden state is shown. An LSTM has a second path, its cell, which `elmo-lite ladder`
# draws too.
#
# **Question 2.** After one pass over the text the LSTM is little better than the RNN, and a 5-gram model is better than
# both. What do the neural models need that counting does not?

# %% [markdown] answer
# *Answer.* Further passes. Counting is done after one; a network learns from every pass. When we ran it, five passes
# (`fit(..., epochs=5)`) brought the RNN from 60.7 to 54.3 and the LSTM from 59.8 to 49.9, where the 5-gram model stays
# at 50.3. What the LSTM can remember longer pays once the near words have been learned.

# %% [markdown]
# ## 8. Repeated sampling
#
# A language model writes: draw a word from $p(\cdot \mid \text{all words so far})$, append it, repeat, until `</S>`. A
# temperature $\tau$ divides the logits before the softmax: below 1 the text is more usual, above 1 less.


# %%
@torch.no_grad()
def write(model, prompt="", temperature=1.0, seed=0, longest=25):
    generator, words = torch.Generator().manual_seed(seed), encode([prompt.split()])[0][:-1]
    for _ in range(longest):
        logits = model(torch.tensor([words]))[0, -1]
        logits[1] = -torch.inf  # <unk> is no word to write
        # begin solution: drawn, a class as an int; torch.multinomial takes generator=generator
        shares = torch.softmax(logits / temperature, dim=0)
        drawn = int(torch.multinomial(shares, 1, generator=generator))
        # end solution
        if drawn == 0:
            break
        words.append(drawn)
    return " ".join(classes[word] for word in words[1:])


assert write(lstm_model, "The", seed=1) == write(lstm_model, "The", seed=1)
for name, model in (("window", window), ("RNN", rnn_model), ("LSTM", lstm_model)):
    print(f"{name:<8}{write(model, 'The function returns', 0.8, seed=3)}")

# %% [markdown]
# ## 9. Two directions
#
# The backward model reads from right to left: the same network, trained on reversed sentences. Its predictions are the
# same words (and the beginning of the sentence for its end).

# %%
backward_model = train_and_measure(
    "LSTM, backward", lambda: Recurrent(nn.LSTM), [s[::-1] for s in train], [s[::-1] for s in held_out]
)

# %% [markdown]
# A *bidirectional language model* [P, section 3.1] trains both together, and maximises the sum of their log
# likelihoods:
#
# $$\sum_{k=1}^{N} \Big( \log p(t_k \mid t_1, \dots, t_{k-1}) + \log p(t_k \mid t_{k+1}, \dots, t_N) \Big)$$
#
# This is no probability of the sentence, as each word is predicted twice. Each direction alone is a language model,
# with a perplexity of its own. Together they can rank words for a blank: if the words before and after are independent
# of each other given the word in it, Bayes' rule gives
#
# $$p(w \mid \text{before}, \text{after}) \propto \frac{p(w \mid \text{before})\; p(w \mid \text{after})}{p(w)}$$

# %%
frequency = torch.from_numpy(unigrams / unigrams.sum()).float().clamp(min=1e-6)


@torch.no_grad()
def fill(sentence, top_k=5):
    before, after = (part.split() for part in sentence.split("___"))
    forward = lstm_model(torch.tensor(encode([before]))[:, :-1])[0, -1].log_softmax(dim=0)
    backward = backward_model(torch.tensor(encode([after[::-1]]))[:, :-1])[0, -1].log_softmax(dim=0)
    # begin solution: score (V,), the log of the right side of the formula
    score = forward + backward - frequency.log()
    # end solution
    score[:2] = -torch.inf  # neither </S> nor <unk>
    return [classes[w] for w in score.topk(top_k).indices]


for sentence in ("Return True if the ___ is empty .", "The ___ argument is a string ."):
    print(sentence, fill(sentence))

# %% [markdown]
# ## 10. The table

# %%
for name, value in sorted(table.items(), key=lambda row: -row[1]):
    print(f"{name:<24}{value:>8.1f}")

# %%
figure, axes = plt.subplots(figsize=(7, 2.5))
shown = {name: value for name, value in table.items() if value < 1000}
axes.barh(list(shown), list(shown.values()))
axes.invert_yaxis()
axes.set_xlabel("perplexity, held out")
figure.tight_layout()

# %% [markdown]
# ## 11. ELMo
#
# ELMo is a biLM of two LSTM layers in each direction whose word vectors come from a *character CNN*, so that it reads
# words that it has never seen. elmo_lite carries a small English one, `en`: 100 million words, 30,000 classes. It is a
# language model like those above; with another vocabulary, its perplexity belongs in no row of the table.

# %%
from elmo_lite import LanguageModel

lm = LanguageModel.from_pretrained("en")
for candidate in lm.next_words("the students opened their", top_k=5):
    print(f"{candidate.probability:.3f} {candidate.word}")
print([candidate.word for candidate in lm.fill("She ___ a letter to her sister.", top_k=5)])

# %% [markdown]
# Its other use made it famous: not the prediction, but the states that lead to it. They are vectors of words *in
# context*, and they are the subject of the second notebook.

# %%
from elmo_lite import Elmo

elmo = Elmo.from_pretrained("en")
layers = elmo.embed(["The flibbertigibbets sat on the bank of the river ."])[0]
layers.shape  # layers (characters, first LSTM, second LSTM), words, both directions

# %% [markdown]
# ## Exercises
#
# 1. Make the vocabulary 6,000 words. All perplexities rise; is every model worse?
# 2. Replace `nn.LSTM` by `nn.GRU`. Where is it in the table, and in the picture of gradients?
# 3. Train the RNN and the LSTM for five passes (`epochs=5`). What is the order now?
# 4. Let `write` use one model at temperatures 0.3, 1 and 1.5. When does it repeat itself, and when does it stop making
#    sense?
# 5. Which word of a held-out sentence surprises the LSTM most? Compare with `elmo-lite score en` on the same sentence.
# 6. Run `elmo-lite ladder python --config class --out class` and then `elmo-lite report class`: eleven models in five
#    minutes, the character CNN among them.

# %% [markdown] answer
# *Answers* (figures are those of our run). 1: No. Words that were `<unk>`, one easy class, are now predicted as
# themselves; the task is harder, so the figures of two vocabularies do not compare. 2: At 57.2, a little better than
# the LSTM. Its gradient reaches furthest, before training and after: it has no second path, so all memory goes through
# its hidden state. 3: RNN 54.3, LSTM 49.9: the gap has become clear. 4: At 0.3 the sentences are short and usual ("The
# function returns a string ."); at 1.5 the tail of the distribution, a thousand words of small probability, takes over.
# 5: Look whether the word is rare in this text, or follows rare words: a small model has seen few examples of either.
