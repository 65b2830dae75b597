"""One HTML page that shows what runs have left: curves, scores, errors, settings, commands. It reads run files only.

Task models take from here what they and the page have in common: predictions, scores of their groups, worst sentences.
"""

from elmo_lite.report.groups import is_right, knowledge_scores
from elmo_lite.report.predictions import Label, Prediction, prediction_of
from elmo_lite.report.worst import error_lines, error_page

__all__ = ["Label", "Prediction", "error_lines", "error_page", "is_right", "knowledge_scores", "prediction_of"]
