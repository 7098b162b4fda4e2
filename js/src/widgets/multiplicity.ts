import { alone, epochSlider, temperatureSlider } from "../views/controls/alone";
import { mountMultiplicity } from "../views/multiplicity";
import { widget } from "./host";

export default widget(alone(mountMultiplicity, epochSlider, temperatureSlider));
