# %% [markdown]
# # Contextual vectors: senses, layers, and ways to combine them
#
# ELMo gives a word one vector per layer, in its context. This notebook looks at these vectors: the same word in two
# senses, nearest neighbours, what each layer knows, and three ways to combine the layers for a task. The model is `en`,
# which comes with elmo_lite: a character CNN and two LSTM layers of width 384 in each direction.
#
# You need `pip install ".[tasks]"` of elmo_lite, no network and no GPU. All cells together run for about half a minute
# on one core.
#
# **Sources.** Peters et al., *Deep contextualized word representations*, NAACL 2018 [P]. Alain and Bengio,
# *Understanding intermediate layers using linear classifier probes*, 2016 [AB]. Hewitt and Liang, *Designing and
# interpreting probes with control tasks*, EMNLP 2019 [HL]. Wieting and Kiela, *No training required: exploring random
# encoders for sentence classification*, ICLR 2019 [WK].

# %%
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from elmo_lite import Elmo

elmo = Elmo.from_pretrained("en")
NAMES = ["characters", "LSTM 1", "LSTM 2"]

layers = elmo.embed(["They sat on the bank of the river."])[0]
layers.shape  # three layers, nine words (the full stop is one), 2 x 384 values

# %% [markdown]
# Layer 0 is the character CNN (twice, so that all layers have one width): it sees the word alone. In layers 1 and 2,
# the first half of a vector comes from the forward LSTM, the second half from the backward one.

# %% [markdown]
# ## 1. One word, two senses
#
# For each word, three sentences in one sense and three in another.

# %%
SENSES = {
    "bank": (
        ["They sat on the bank of the river .", "The boat was tied to the bank .", "Trees grew along the east bank ."],
        ["The bank raised its interest rates .", "He works for a bank in London .", "She borrowed it from the bank ."],
    ),
    "play": (
        ["She wrote a play about the war .", "The play was performed in London .", "He starred in a new play ."],
        ["They play football on Sundays .", "The children play in the garden .", "He can play in defence as well ."],
    ),
    "light": (
        ["The light of the lamp was weak .", "Plants turn the light into energy .", "She switched off the light ."],
        ["The bag is light and strong .", "They had a light breakfast .", "A light wind blew from the sea ."],
    ),
}


def vectors_of(word, sentences):
    """Vectors (layers, sentences, 768) of a word, once in each sentence."""
    embedded = elmo.embed([sentence.split() for sentence in sentences])
    return np.stack([array[:, s.split().index(word)] for s, array in zip(sentences, embedded, strict=True)], axis=1)


vectors_of("bank", SENSES["bank"][0]).shape

# %% [markdown]
# Similarity is the cosine of the angle between two vectors, $\cos(u, v) = u \cdot v \,/\, (\lVert u \rVert \, \lVert v
# \rVert)$.


# %%
def cosines(u, v):
    """Cosines (n, m) of vectors u (n, D) and v (m, D)."""
    # begin solution: the formula above, for all pairs
    u = u / np.linalg.norm(u, axis=1, keepdims=True)
    v = v / np.linalg.norm(v, axis=1, keepdims=True)
    return u @ v.T
    # end solution


assert np.allclose(cosines(np.array([[1.0, 0.0]]), np.array([[2.0, 0.0], [0.0, 3.0], [1.0, 1.0]])), [[1, 0, 0.5**0.5]])

# %%
pairs = np.triu_indices(3, k=1)  # the three pairs within a sense
print(f"{'':<8}{'layer':<12}{'same sense':>12}{'other sense':>12}")
for word, (first, second) in SENSES.items():
    a, b = vectors_of(word, first), vectors_of(word, second)
    for layer, name in enumerate(NAMES):
        # begin solution: same and other, mean cosines of pairs of one sense (use pairs) and of pairs of two senses
        same = np.mean([cosines(each[layer], each[layer])[pairs].mean() for each in (a, b)])
        other = cosines(a[layer], b[layer]).mean()
        # end solution
        print(f"{word if layer == 0 else '':<8}{name:<12}{same:>12.2f}{other:>12.2f}")

# %% [markdown]
# **Question 1.** Why are all cosines of the lowest layer 1? Why are those of the LSTM layers so high even between
# senses?

# %% [markdown] answer
# *Answer.* The lowest layer reads the characters of the word and nothing else, so the vector is the same in all
# sentences. The LSTM layers read the token vector and pass much of it on (layer 2 adds its input to its output), so all
# occurrences of a word stay similar; the differences between the columns matter, not the figures themselves. And a
# difference need not be there: this small model parts the plays and the lights, but not the banks.

# %% [markdown]
# ## 2. Neighbours
#
# The same idea over a whole text: all occurrences of a word, and for a new sentence those in the most similar contexts
# [P, table 4]. The text is the held-out part of the prose that Python carries. In it *set* is a verb, a participle and
# a noun.

# %%
from elmo_lite.neighbors import Finder, IndexedText, Selection, opened_index
from elmo_lite.text.python_prose import write_parts

CONTEXTS = ["This flag is set to true .", "You can set the value of an option .", "Return the set of all names ."]

with TemporaryDirectory() as folder:
    write_parts(Path(folder))
    words = Selection(("set",))
    text = IndexedText.open(str(Path(folder) / "held_out.txt"), elmo.tokenization)
    with opened_index(elmo, text, words, Path(folder) / "index") as index:
        finder = Finder(elmo, index, words, layer=2)
        for context, answer in zip(CONTEXTS, finder.answers([c.split() for c in CONTEXTS], top_k=3), strict=True):
            print(context)
            for neighbor in answer.neighbors:
                print(f"   {neighbor.similarity:.2f}  {' '.join(neighbor.occurrence.words)[:90]}")

# %% [markdown]
# `elmo-lite neighbors en TEXT --word set --output set.png` draws all occurrences, a panel for each layer.

# %% [markdown]
# ## 3. What each layer knows
#
# A *probe* [AB] is a linear classifier on the frozen vectors of one layer. If it can predict a label, the layer holds
# what the label needs, in a linear form. The sentences are the small sample of elmo_lite's tagger. Three labels are
# made here, from the words themselves; the fourth comes with the sample.
#
# | label | needs |
# |---|---|
# | ending: -s, -ed, -ing, -ly or none of them | the word's own letters |
# | the word before is *the*, *a* or *an* | the left neighbour |
# | the word after is a punctuation mark | the right neighbour |
# | kind of name, of words with a capital: person, organisation, place, none | the word, and what is said of it |


# %%
def sample(part):
    """Sentences of the sample, as lists of (word, tag)."""
    blocks = (files("tasks.samples") / f"ner_{part}.iob2").read_text(encoding="utf-8").strip().split("\n\n")
    rows = [[line.split("\t") for line in block.split("\n") if not line.startswith("#")] for block in blocks]
    return [[(word, tag) for _, word, tag in sentence] for sentence in rows]


def ending(words, k):
    return next((end for end in ("ing", "ed", "ly", "s") if words[k].lower().endswith(end)), "none")


def after_article(words, k):
    return k > 0 and words[k - 1].lower() in ("the", "a", "an")


def before_punctuation(words, k):
    # begin solution: whether the word after words[k] is no letter or digit, with False for the last word
    return k + 1 < len(words) and not words[k + 1][0].isalnum()
    # end solution


assert before_punctuation(["Stop", ",", "please"], 0) and not before_punctuation(["Stop", ",", "please"], 1)


def prepared(parts):
    """Vectors (layers, words, 768) of all words of a part, labels by name, and which words begin with a capital."""
    sentences = [sentence for part in parts for sentence in sample(part)]
    texts = [[word for word, _ in sentence] for sentence in sentences]
    vectors = np.concatenate(elmo.embed(texts), axis=1)
    made = {"ending": ending, "after an article": after_article, "before punctuation": before_punctuation}
    labels = {
        name: np.array([str(label(words, k)) for words in texts for k in range(len(words))])
        for name, label in made.items()
    }
    labels["kind of name"] = np.array([tag.rpartition("-")[2] for sentence in sentences for _, tag in sentence])
    return vectors, labels, np.array([word[0].isupper() for words in texts for word in words])


train_vectors, train_labels, train_capital = prepared(["train"])
test_vectors, test_labels, test_capital = prepared(["dev", "test"])
print(f"{train_vectors.shape[1]:,} words to fit on, {test_vectors.shape[1]:,} to measure on")


# %%
def probe(x, y, x_test, y_test):
    """Accuracy of a logistic regression."""
    # begin solution: fit LogisticRegression(C=0.01) after StandardScaler(); return the accuracy on x_test, y_test
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
    return model.fit(x, y).score(x_test, y_test)
    # end solution


print(f"{'accuracy, %':<20}{'most frequent':>14}", *(f"{name:>11}" for name in NAMES))
for label, y in train_labels.items():
    y_test = test_labels[label]
    fit_on, measure_on = (train_capital, test_capital) if label == "kind of name" else (slice(None), slice(None))
    values, numbers = np.unique(y[fit_on], return_counts=True)
    most_frequent = (y_test[measure_on] == values[numbers.argmax()]).mean()
    found = [
        probe(train_vectors[k][fit_on], y[fit_on], test_vectors[k][measure_on], y_test[measure_on]) for k in range(3)
    ]
    print(f"{label:<20}{100 * most_frequent:>14.1f}", *(f"{100 * accuracy:>11.1f}" for accuracy in found))

# %% [markdown]
# **Question 2.** Which label gets harder from the lowest layer upwards, and which ones can the lowest layer not know at
# all? It is better than the most frequent label on some of them all the same: how?

# %% [markdown] answer
# *Answer.* The ending gets harder: the letters are all in the characters, and an LSTM keeps of them what it needs. The
# lowest layer sees no neighbour, so it can predict one only from what the word itself makes likely: a noun often
# follows an article, an article never comes before a full stop.

# %% [markdown]
# **Question 3.** A probe with enough parameters can learn any labels by heart. How would you find out whether this one
# does [HL]?

# %% [markdown] answer
# *Answer.* With a control task: give every word *type* a random label and fit the probe on these. What it reaches there
# is memory, not knowledge of the layer. A good probe is much better on the real labels than on the random ones.

# %% [markdown]
# ## 4. Three ways to combine the layers
#
# A task model needs one vector per word. It can get it by
#
# 1. **learned scalar weights** [P, equation 1], $\gamma \sum_j s_j\, h_j$ with $s = \mathrm{softmax}(w)$: four
#    parameters, learned with the task;
# 2. **frozen random weights**: the same, but $w$ is drawn once from a standard normal distribution and stays, so that
#    of the mix only $\gamma$ is learned; a control, in the spirit of [WK];
# 3. **a learned function of the concatenation**: $\tanh(W\,[h_0; h_1; h_2] + b)$, which can take some dimensions from
#    one layer and some from another.
#
# Each is followed by the same classifier, a linear softmax. The task is the kind of name of the words with a capital.


# %%
class ScalarWeights(nn.Module):
    """gamma * sum_j softmax(w)_j * layer_j; w is learned, or random and frozen."""

    def __init__(self, frozen):
        super().__init__()
        self.w = nn.Parameter(torch.randn(3) if frozen else torch.zeros(3), requires_grad=not frozen)
        self.gamma = nn.Parameter(torch.ones(1))
        self.width = elmo.output_dim

    def forward(self, layers):
        """Vectors (N, 768) from layers (3, N, 768)."""
        # begin solution: the formula above; torch.einsum or torch.tensordot
        return self.gamma * torch.einsum("j,jnd->nd", torch.softmax(self.w, dim=0), layers)
        # end solution


class Concatenation(nn.Module):
    """tanh(W [h_0; h_1; h_2] + b), of width 64."""

    def __init__(self):
        super().__init__()
        self.width = 64
        self.linear = nn.Linear(3 * elmo.output_dim, self.width)

    def forward(self, layers):
        """Vectors (N, 64) from layers (3, N, 768)."""
        # begin solution: the formula above; torch.cat
        return torch.tanh(self.linear(torch.cat(list(layers), dim=-1)))
        # end solution


mixed = ScalarWeights(frozen=False)(torch.stack([torch.full((2, elmo.output_dim), value) for value in (1.0, 2.0, 6.0)]))
assert torch.allclose(mixed, torch.tensor(3.0)) and Concatenation()(torch.zeros(3, 2, elmo.output_dim)).shape == (2, 64)

# %%
KINDS = sorted(set(train_labels["kind of name"]))
x = torch.from_numpy(train_vectors[:, train_capital])
y = torch.tensor([KINDS.index(kind) for kind in train_labels["kind of name"][train_capital]])
x_test = torch.from_numpy(test_vectors[:, test_capital])
y_test = torch.tensor([KINDS.index(kind) for kind in test_labels["kind of name"][test_capital]])
print(f"{len(y)} words with a capital to train on, {len(y_test)} to measure on")


def accuracy(combine, seed, epochs=12):
    """Accuracy in percent after training with a seed, and the combination that was learned."""
    torch.manual_seed(seed)
    combined = combine()
    model = nn.Sequential(combined, nn.Dropout(0.3), nn.Linear(combined.width, len(KINDS)))
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=3e-3, weight_decay=1e-4)
    for _ in range(epochs):
        for rows in torch.randperm(len(y)).split(32):
            optimizer.zero_grad()
            F.cross_entropy(model(x[:, rows]), y[rows]).backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        return 100 * float((model(x_test).argmax(dim=1) == y_test).float().mean()), combined


# %%
WAYS = {
    "learned scalar weights": lambda: ScalarWeights(frozen=False),
    "frozen random weights": lambda: ScalarWeights(frozen=True),
    "concatenation, learned": Concatenation,
}
SEEDS = range(5)
scores, learned = {}, []
for way, combine in WAYS.items():
    runs = [accuracy(combine, seed) for seed in SEEDS]
    scores[way] = np.array([score for score, _ in runs])
    if way == "learned scalar weights":
        learned = [torch.softmax(combined.w, dim=0).tolist() for _, combined in runs]
    # begin solution: mean and deviation of the scores over the seeds (deviation of a sample: ddof=1)
    mean, deviation = scores[way].mean(), scores[way].std(ddof=1)
    # end solution
    print(f"{way:<24}{mean:>6.1f} ± {deviation:.1f}   {np.round(scores[way], 1)}")
print("learned weights of the layers, mean of the seeds:", np.round(np.mean(learned, axis=0), 2))

# %%
figure, axes = plt.subplots(figsize=(7, 1.8))
for place, values in enumerate(scores.values()):
    axes.plot(values, np.full(len(values), place), "o", alpha=0.5)
axes.set_yticks(range(len(scores)), list(scores))
axes.set_xlabel("accuracy, %, one point per seed")
axes.set_ylim(-0.5, 2.5)
figure.tight_layout()

# %% [markdown]
# **Question 4.** Are these differences real? One word of the test part is how many percent? What else than the seed
# should vary before you say that one way is better?

# %% [markdown] answer
# *Answer.* A difference within the deviations of the seeds is none. Even beyond them, all seeds share one small test
# part: a word is about half a percent, and the sampling error of an accuracy $p$ on $n$ words, $\sqrt{p(1-p)/n}$, is
# two to three percent here. Other training samples, other tasks, and the settings tuned for each way would have to
# vary.

# %% [markdown]
# **Question 5.** The learned weights prefer one layer, and the random ones depend much on the draw. Does a small weight
# show that a layer is useless?

# %% [markdown] answer
# *Answer.* No. A weight scales a whole layer: a layer whose vectors are longer needs less of it, and what two layers
# both know needs only one of them. To see whether a layer is useful, leave it out, or probe it alone (section 3). The
# random draws are low where they favour the characters, which do not know the context: compare `combined.w` of each
# seed with its score.

# %% [markdown]
# ## Exercises
#
# 1. Add a word with two senses of your own to section 1. Does layer 1 or layer 2 part them better?
# 2. Probe for something that needs more than a neighbour: whether the sentence is a question (without its question
#    mark).
# 3. Do the control task of question 3.
# 4. Add a fourth way: one layer alone. Which layer is best for names?
# 5. Subtract from each layer its mean over all words before you compute the cosines of section 1. What happens to the
#    similarity of two senses?
# 6. Classify the texts of `tasks/samples/sentiment_train.tsv` with `elmo.embed_sentences` and a logistic regression,
#    for each layer.

# %% [markdown] answer
# *Answers* (figures are those of our run). 1: Look at the difference of the columns; it is often larger in layer 2. 2:
# Hardly above the most frequent label (96.1 %; 96.1, 96.3 and 96.9 % for the layers): questions are few, so accuracy is
# a poor measure here. 3: About 90 % on words that were trained on, and chance, 50 %, on new ones: the probe does learn
# words by heart. That is why no name of the test part occurs in the training part. 4: The top layer, 92.2 % (mean of
# five seeds): no way of combining is better than it. 5: They fall by a few hundredths only: what the occurrences share
# is the word, not the mean of the layer. 6: 82.5, 81 and 70 % of 80 texts (dev and test) from the lowest layer to the
# top: words such as "terrible" decide, and the sampling error is four points.
